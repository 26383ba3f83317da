package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
)

// explainLimit bounds the search for the right that was missing.
const explainLimit = 2 * time.Second

// Database runs queries as the role whose rights are of interest.
type Database interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// insufficientPrivilege is the code of the error about a missing right, from appendix A of the PostgreSQL manual.
const insufficientPrivilege = "42501"

// IsDenied reports whether an error is about a missing right.
func IsDenied(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return ok && failure.Code == insufficientPrivilege
}

// schemaRights are the rights of this role on the schema of the register.
type schemaRights struct {
	Role     string  `db:"role"`
	Schema   *string `db:"schema_name"` // the first of the search path that the role may use; nil if it may use none
	Path     string  `db:"path"`
	Existing *string `db:"existing"` // the first of the search path that exists
	Create   bool    `db:"may_create"`
	Owner    *string `db:"owner_name"` // of the table with the schema version; nil if there is no such table yet
	Version  bool    `db:"may_read_version"`
}

const selectSchemaRights = `SELECT CAST(current_user AS text) AS role, CAST(current_schema() AS text) AS schema_name,
	current_setting('search_path') AS path,
	(SELECT CAST(n.nspname AS text) FROM unnest(string_to_array(replace(current_setting('search_path'), '"$user"',
		CAST(current_user AS text)), ',')) WITH ORDINALITY AS listed (name, place)
		JOIN pg_namespace n ON n.nspname = trim(BOTH ' "' FROM listed.name) ORDER BY listed.place LIMIT 1) AS existing,
	COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
	(SELECT CAST(pg_get_userbyid(c.relowner) AS text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relname = 'goose_db_version') AS owner_name,
	COALESCE((SELECT has_table_privilege(c.oid, 'SELECT') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relname = 'goose_db_version'), false) AS may_read_version`

// CheckSchema checks that the role may read the schema's version, or create the schema where there is none.
func CheckSchema(ctx context.Context, db Database) error {
	rights, err := readSchemaRights(ctx, db)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if missing := rights.describeMissing(); missing != "" {
		return errors.New(missing)
	}
	return nil
}

func readSchemaRights(ctx context.Context, db Database) (schemaRights, error) {
	var rights schemaRights
	err := db.GetContext(ctx, &rights, selectSchemaRights)
	return rights, err
}

func (r schemaRights) describeMissing() string {
	role := pq.QuoteIdentifier(r.Role)
	switch {
	case r.Schema == nil && r.Existing == nil:
		return fmt.Sprintf("the database has no schema of the search path %s of the role %s", r.Path, role)
	case r.Schema == nil:
		return fmt.Sprintf("the role %s lacks the right USAGE on the schema %s: GRANT USAGE ON SCHEMA %s TO %s",
			role, *r.Existing, pq.QuoteIdentifier(*r.Existing), role)
	case r.Owner == nil && !r.Create:
		return fmt.Sprintf("the schema %s has no tables of the register yet, and the role %s lacks the right CREATE to make "+
			"them: GRANT CREATE ON SCHEMA %s TO %s; or let the role that owns them run: "+
			"ctrd admin migrate --runtime-role %s", *r.Schema, role, pq.QuoteIdentifier(*r.Schema), role, r.Role)
	case r.Owner != nil && !r.Version:
		return fmt.Sprintf("the role %s lacks the right SELECT on the table goose_db_version. %s", role, r.describeRepair())
	}
	return ""
}

// describeRepair says who grants everything that the role needs, and how.
func (r schemaRights) describeRepair() string {
	return fmt.Sprintf("All rights are granted by the role %s with: ctrd admin migrate --runtime-role %s",
		pq.QuoteIdentifier(*r.Owner), r.Role)
}

// CheckTables checks that the role has what the service needs on every table and sequence.
func CheckTables(ctx context.Context, db Database) error {
	rights, missing, err := findMissingRights(ctx, db)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if missing != "" {
		return fmt.Errorf("%s. %s", missing, rights.describeRepair())
	}
	return nil
}

// findMissingRights names each right that the role lacks, with the statement that grants it.
func findMissingRights(ctx context.Context, db Database) (schemaRights, string, error) {
	rights, err := readSchemaRights(ctx, db)
	if err != nil || rights.Schema == nil || rights.Owner == nil {
		return rights, "", err
	}
	var tables []Table
	if err := db.SelectContext(ctx, &tables, SelectTables); err != nil {
		return rights, "", err
	}
	role, schema := pq.QuoteIdentifier(rights.Role), pq.QuoteIdentifier(*rights.Schema)
	var lacks, grants []string
	for _, table := range tables {
		missing := table.missingPrivileges()
		if len(missing) == 0 {
			continue
		}
		list := strings.Join(missing, ", ")
		lacks = append(lacks, fmt.Sprintf("%s on the %s %s", list, strings.ToLower(table.kind()), table.Name))
		grants = append(grants, fmt.Sprintf("GRANT %s ON %s %s.%s TO %s",
			list, table.kind(), schema, pq.QuoteIdentifier(table.Name), role))
	}
	if len(lacks) == 0 {
		return rights, "", nil
	}
	return rights, fmt.Sprintf("the role %s lacks the right %s: %s", role, strings.Join(lacks, "; "),
		strings.Join(grants, "; ")), nil
}

// missingPrivileges returns those that the service needs and the role lacks.
func (t Table) missingPrivileges() []string {
	return slices.DeleteFunc(t.privileges(), func(name string) bool { return slices.Contains(t.Held, name) })
}

// Explain adds to an error about a missing right which right of which role that is, and who can grant it. It
// looks that up, because the server's message is in the server's language and names no role.
func Explain(ctx context.Context, db Database, denied error) error {
	if !IsDenied(denied) {
		return denied
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), explainLimit)
	defer cancel()
	rights, missing, err := findMissingRights(ctx, db)
	if err != nil {
		return denied
	}
	if missing == "" {
		missing = rights.describeMissing()
	}
	if missing == "" && rights.Owner != nil {
		missing = fmt.Sprintf("the role %s has all rights of the service; this needs the role that owns the tables, %s",
			pq.QuoteIdentifier(rights.Role), pq.QuoteIdentifier(*rights.Owner))
	}
	if missing == "" {
		return denied
	}
	return fmt.Errorf("%s: %w", missing, denied)
}
