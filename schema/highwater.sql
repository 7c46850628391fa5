/*
 * highwater - the schema's version and its parts, in the order they need each
 * other. Run inside a transaction: install.sql opens it, so do the tests.
 */
SET LOCAL highwater.file_version = 3;

\ir preflight.sql

/*
 * Upgrade steps, oldest first: step n is for an installed version from 1 to
 * n - 1. What is given to a database only once, and not again when a city has
 * deleted it, asks the same way.
 */
SELECT current_setting('highwater.installed_version')::integer = 1 AS upgrade_2,
	current_setting('highwater.installed_version')::integer < 2 AS first_2,
	current_setting('highwater.installed_version')::integer IN (1, 2) AS upgrade_3 \gset
\if :upgrade_2
\ir upgrade-2.sql
\endif
\if :upgrade_3
\ir upgrade-3.sql
\endif

\ir version.sql
\ir registry.sql
\ir unit.sql
\ir quality.sql
\if :upgrade_3
\ir upgrade-3-rates.sql
\endif
\ir climatology.sql
\ir conversion.sql
\ir quality_in_force.sql
\if :first_2
\ir quality_default.sql
\endif
\ir threshold.sql
\ir group.sql
\ir observation.sql
\ir alert.sql
\ir guard.sql
\ir ledger.sql
\ir silence.sql
\ir registration.sql
\ir alarm_registration.sql
\ir quality_registration.sql
\ir view.sql
\ir verdict.sql
\ir gap.sql
\ir kpi.sql
\ir recompute.sql
\ir role.sql

DO $$ BEGIN PERFORM highwater.make_partitions(); END $$;
