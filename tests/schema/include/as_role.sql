-- Runs a statement as a role would, so that pgTAP's own bookkeeping stays with the tests.
CREATE FUNCTION pg_temp.as_role(role_name text, statement text)
	RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role_name);
	EXECUTE statement;
	RESET ROLE;
END
$$;
