package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/lib/pq" // for the raw handles
)

// installHint is the message on a machine without PostgreSQL.
const installHint = "PostgreSQL 15 or later is not here; install it with: apt-get install postgresql"

// NewPostgresDatabase creates a database on a PostgreSQL server, drops it after the test, and returns its URL.
//
// CTR_TEST_POSTGRES names the server, as the URL of a database whose user may create others. Without it, a server is
// started for this test binary. On a machine without PostgreSQL the test is skipped, or fails with CI=true.
func NewPostgresDatabase(t testing.TB) string {
	t.Helper()
	return NewPostgresDatabaseWith(t, "")
}

// NewPostgresDatabaseWith creates a database with further options of CREATE DATABASE.
func NewPostgresDatabaseWith(t testing.TB, options string) string {
	t.Helper()
	admin := os.Getenv("CTR_TEST_POSTGRES")
	if admin == "" {
		started, err := startServerOnce()
		if err != nil {
			if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
				t.Skip(installHint)
			}
			t.Fatal(err)
		}
		admin = started.url
	}
	address, err := url.Parse(admin)
	if err != nil {
		t.Fatal("CTR_TEST_POSTGRES is not a URL")
	}
	name := "ctr_test_" + strings.ToLower(rand.Text())
	execAsAdmin(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 "+options)
	t.Cleanup(func() { execAsAdmin(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	address.Path = "/" + name
	return address.String()
}

func execAsAdmin(t testing.TB, admin, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", admin)
	if err == nil {
		_, err = db.ExecContext(context.Background(), statement)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

var errNotInstalled = errors.New(installHint)

// startServerOnce starts one server for the whole test binary.
//
// A package has no hook at the end of a test binary, so the server is bound to the lifetime of the process: a shell
// reads a pipe that closes when this process ends, however it ends, and then stops the server and removes its files.
var startServerOnce = sync.OnceValues(func() (postgresServer, error) { return startServer("") })

// postgresServer is a running server. It runs until lifeline is closed, at the latest by the end of the process.
type postgresServer struct {
	url      string
	lifeline *os.File
}

// startServer starts a server: a new one, or a standby of the one with a URL.
func startServer(primary string) (postgresServer, error) {
	bin, err := findPostgresBinaries()
	if err != nil {
		return postgresServer{}, err
	}
	directory, err := os.MkdirTemp("", "ctr-postgres-")
	if err != nil {
		return postgresServer{}, fmt.Errorf("start PostgreSQL: %w", err)
	}
	port, err := findFreePort()
	if err != nil {
		return postgresServer{}, err
	}
	account, err := serverCredential(directory)
	if err != nil {
		return postgresServer{}, err
	}
	end, held, err := os.Pipe()
	if err != nil {
		return postgresServer{}, fmt.Errorf("start PostgreSQL: %w", err)
	}
	command := exec.CommandContext(context.Background(), "/bin/sh", "-c", serverScript, "postgres-of-a-test", bin, directory, port, primary)
	command.Stdin, command.Dir = end, directory
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: account}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return postgresServer{}, fmt.Errorf("start PostgreSQL: %w", err)
	}
	line := make([]byte, 4096)
	n, err := out.Read(line)
	if text := strings.TrimSpace(string(line[:n])); err != nil || text != "ready" {
		return postgresServer{}, fmt.Errorf("start PostgreSQL in %s: %s: %w", directory, text, errors.Join(err, command.Wait()))
	}
	return postgresServer{url: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable", lifeline: held}, nil
}

// serverScript starts and stops the server. $1 is the directory of its programs, $2 the data directory, $3 the port, $4
// the URL of its primary, empty for a primary. Members of the role with_password need one. It disables syncs, because the data is temporary.
const serverScript = `
if [ -n "$4" ]
then "$1/pg_basebackup" --pgdata="$2/data" --dbname="$4" --write-recovery-conf --checkpoint=fast --no-sync >"$2/log" 2>&1
else "$1/initdb" --pgdata="$2/data" --username=postgres --auth=trust --encoding=UTF8 --no-sync >"$2/log" 2>&1 &&
	sed -i "1i host all +with_password 127.0.0.1/32 md5" "$2/data/pg_hba.conf"
fi &&
"$1/pg_ctl" --pgdata="$2/data" --log="$2/log" --wait --options="-h 127.0.0.1 -p $3 -k '' -F" start >>"$2/log" 2>&1 ||
	{ tail -n 3 "$2/log"; rm -rf "$2/data"; exit 1; }
echo ready
exec >/dev/null 2>&1
cat
"$1/pg_ctl" --pgdata="$2/data" --mode=immediate stop
rm -rf "$2"
`

// findPostgresBinaries finds the directory of initdb and pg_ctl: the newest installed version, or else the one on the
// PATH.
func findPostgresBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for a name that is not a number
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 && version(found[0]) >= 15 {
		return filepath.Dir(found[0]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errNotInstalled
}

// serverCredential returns the account to run the server. PostgreSQL refuses to run as root, so for root it is the
// account postgres of the distribution's package, which then owns the directory.
func serverCredential(directory string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := os.Chown(directory, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func findFreePort() (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}
