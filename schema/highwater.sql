/*
 * highwater - the schema's version and its parts, in the order they need each
 * other. Run inside a transaction: install.sql opens it, so do the tests.
 */
SET LOCAL highwater.file_version = 1;

\ir preflight.sql

/*
 * Upgrade steps, oldest first, go here. Version 2 will begin with
 *     SELECT current_setting('highwater.installed_version')::integer = 1 AS upgrade_2 \gset
 *     \if :upgrade_2
 *     \ir upgrade-2.sql
 *     \endif
 * and a later step n asks for an installed version BETWEEN 1 AND n - 1.
 */

\ir version.sql
\ir registry.sql
\ir threshold.sql
\ir observation.sql
\ir alert.sql
\ir guard.sql
\ir ledger.sql
\ir registration.sql
\ir view.sql
\ir role.sql

DO $$ BEGIN PERFORM highwater.make_partitions(); END $$;
