package postgresurl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// describeHosts lists the hosts of a URL as HOST PORT.
func describeHosts(address string) (string, error) {
	config, err := parseURL(address, true)
	if err != nil {
		return "", err
	}
	all := []string{fmt.Sprint(config.Host, " ", config.Port)}
	for _, more := range config.Multi {
		all = append(all, fmt.Sprint(more.Host, " ", more.Port))
	}
	return fmt.Sprint(strings.Join(all, ", "), " ", config.User, " ", config.Database, " ", config.TargetSessionAttrs), nil
}

// TestFindingR11SeveralHosts reads URLs as libpq does (section 34.1.1 of the PostgreSQL manual).
func TestFindingR11SeveralHosts(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u@a:5432,b:5433/db":                               "a 5432, b 5433 u db read-write",
		"postgresql://u:p%40,w@a:1,b:2,c:3/db":                        "a 1, b 2, c 3 u db read-write",
		"postgres://u@a,b/db":                                         "a 5432, b 5432 u db read-write",
		"postgres://u@a:1,b/db":                                       "a 1, b 5432 u db read-write",
		"postgres://u@a,b:2/db":                                       "a 5432, b 2 u db read-write",
		"postgres://u@[2001:db8::1]:1,[::1],b/db":                     "2001:db8::1 1, ::1 5432, b 5432 u db read-write",
		"postgres://u@a:1,b:2/db?target_session_attrs=any":            "a 1, b 2 u db any",
		"postgres://u@a:1,b:2/db?target_session_attrs=primary":        "a 1, b 2 u db primary",
		"postgres://u@a:1,b:2?dbname=db":                              "a 1, b 2 u db read-write",
		"postgres://u@,b/db":                                          "localhost 5432, b 5432 u db read-write",
		"postgres://u@%2Fvar%2Frun%2Fpostgresql/db":                   "/var/run/postgresql 5432 u db ",
		"postgres:///db?user=u&host=a,b&port=1,2":                     "a 1, b 2 u db read-write",
		"postgres://u@a:1/db":                                         "a 1 u db ",
		"postgres://u@[::1]:1/db":                                     "::1 1 u db ",
		"postgres:///db?user=u&host=/var/run/postgresql&port=6432":    "/var/run/postgresql 6432 u db ",
		"postgres://u@a:1,b:2/db?application_name=a,b&sslmode=prefer": "a 1, b 2 u db read-write",
	} {
		if got, err := describeHosts(address); err != nil || got != want {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	for address, want := range map[string]string{
		"postgres://u:secret@a:5432,b:x/db":                              "invalid port",
		"postgres://u:secret@a:5432,b:0/db":                              "invalid port",
		"postgres://u:secret@a:5432,b:65536/db":                          "invalid port",
		"postgres://u:secret@2001:db8::1,b/db":                           "brackets",
		"postgres://u:secret@[::1,b/db":                                  "brackets",
		"postgres://u:secret@a,%zz/db":                                   "invalid host",
		"postgres://u:secret@a,b/db?host=c":                              "twice",
		"postgres://u:secret@a,b/db?port=1,2":                            "twice",
		"postgres://u:secret@a:port/db":                                  "HOST:PORT,HOST:PORT",
		"postgres:///db?user=u&password=secret&host=a,b&port=1,2,3":      "HOST:PORT,HOST:PORT",
		"postgres://u:secret@a,b/db?target_session_attrs=standby":        "cannot write",
		"postgres://u:secret@a,b/db?target_session_attrs=prefer-standby": "cannot write",
		"postgres://u:secret@a/db?target_session_attrs=read-only":        "cannot write",
		"postgres://u:secret@a,b/db?target_session_attrs=whatever":       "not a valid",
		"postgres://u:secret@a,b/db?sslmode=secret":                      "not a valid",
		"postgres://u:sec%zzret@a,b/db":                                  "not a valid",
		"postgres://u:secret@a,b/%zz":                                    "not a valid",
	} {
		_, err := parseURL(address, true)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestFindingL12RemoteDatabaseIsVerified refuses a server on another machine whose identity is not verified.
func TestFindingL12RemoteDatabaseIsVerified(t *testing.T) {
	for address, refused := range map[string]bool{
		"postgres://u@db.example/db":                                         true,
		"postgres://u@db.example/db?sslmode=disable":                         true,
		"postgres://u@db.example/db?sslmode=allow":                           true,
		"postgres://u@db.example/db?sslmode=prefer":                          true,
		"postgres://u@db.example/db?sslmode=require":                         true,
		"postgres://u@db.example/db?sslmode=verify-ca":                       true,
		"postgres://u@192.0.2.1/db":                                          true,
		"postgres://u@[2001:db8::1]/db":                                      true,
		"postgres://u@0.0.0.0/db":                                            true,
		"postgres://u@localhost.example/db":                                  true,
		"postgres://u@127.0.0.1.example/db":                                  true,
		"postgres://u@localhost,db.example/db":                               true,
		"postgres://u@%2Frun%2Fpostgresql,db.example/db?sslmode=verify-full": true, // the driver drops TLS for both
		"postgres:///db?host=127.0.0.1&hostaddr=192.0.2.1":                   true,
		"postgres:///db?host=localhost,db.example":                           true,
		"postgres://u@db.example/db?sslmode=verify-full":                     false,
		"postgres://u@a.example,b.example/db?sslmode=verify-full":            false,
		"postgres://u@db.example/db?sslrootcert=system":                      false,
		"postgres://u@127.0.0.1/db":                                          false,
		"postgres://u@127.1.2.3:1/db?sslmode=disable":                        false,
		"postgres://u@[::1]/db":                                              false,
		"postgres://u@[::ffff:127.0.0.1]/db":                                 false,
		"postgres://u@localhost,127.0.0.1:2/db":                              false,
		"postgres:///db":                                                     false,
		"postgres:///db?host=/run/postgresql":                                false,
		"postgres:///db?host=@abstract":                                      false,
	} {
		_, err := parseURL(address, false)
		if errors.Is(err, ErrUnverifiedServer) != refused || !refused && err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if _, err := parseURL(address, true); err != nil {
			t.Errorf("%s, allowed: %v", address, err)
		}
	}
	t.Setenv("PGSSLMODE", "verify-full")
	if _, err := parseURL("postgres://u@db.example/db", false); err != nil {
		t.Errorf("verified by the environment: %v", err)
	}
}

// TestBuildEnvironment checks what PostgreSQL's programs get: the password in the environment, where other accounts do
// not see it.
func TestBuildEnvironment(t *testing.T) {
	t.Parallel()
	got, err := BuildEnvironment(
		"postgres://ctrd:se%40cret@db1:5433,db2/ctr?sslmode=verify-full&sslrootcert=/ca.pem&prepared_statements=off", false)
	if err != nil {
		t.Fatal(err)
	}
	all := "\n" + strings.Join(got, "\n") + "\n"
	for _, want := range []string{"PGHOST=db1,db2", "PGPORT=5433,5432", "PGUSER=ctrd", "PGPASSWORD=se@cret", "PGDATABASE=ctr",
		"PGSSLMODE=verify-full", "PGSSLROOTCERT=/ca.pem", "PGTARGETSESSIONATTRS=read-write"} {
		if !strings.Contains(all, "\n"+want+"\n") {
			t.Errorf("no %s in %q", want, got)
		}
	}
	if _, err = BuildEnvironment("postgres://ctrd:secret@db1/ctr", false); !errors.Is(err, ErrUnverifiedServer) {
		t.Error(err)
	}
}
