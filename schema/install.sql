/*
 * install.sql - makes or upgrades the schema "highwater" of a database.
 *
 *     psql -d highwater -f schema/install.sql
 *
 * Promise  Any number of times, from any directory, keeping all data; one
 *          transaction, so all or nothing. Silent when all is well.
 * Needs    PostgreSQL 14 or later, no extension. The role that runs it owns the
 *          schema from then on and needs CREATE on the database; CREATEROLE too
 *          as long as highwater_writer and highwater_analyst do not exist.
 *
 * Upgrades: the part files always describe the newest version, tables with
 * CREATE IF NOT EXISTS, everything else with CREATE OR REPLACE, so a new
 * database needs nothing more. For an older one highwater.sql runs the numbered
 * step files (upgrade-2.sql, upgrade-3.sql, ...) that are above the installed
 * version first; they alter tables and drop views whose columns change, and the
 * part files then fill in the rest.
 */
\set ON_ERROR_STOP on
\set QUIET on

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
\ir highwater.sql
COMMIT;
