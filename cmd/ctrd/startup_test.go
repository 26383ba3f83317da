package main_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"math"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// maxStartTime bounds the time until a failed start is reported.
const maxStartTime = time.Second

// refusedStart is an invocation that must fail.
type refusedStart struct {
	name        string
	program     string // "ctr"; or empty for ctrd serve on a free port
	environment []string
	args        []string
	code        int
	message     string // part of the single line on standard error
}

func TestBadStartIsRefusedInOneLine(t *testing.T) {
	for _, test := range refusedStarts(t) {
		t.Run(test.name, func(t *testing.T) {
			program, args := interop.ProgramPath(t, "ctr"), test.args
			if test.program != "ctr" {
				program = interop.ProgramPath(t, "ctrd")
				args = append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)
			}
			var result interop.Result
			for range 3 { // the machine may be busy: the fastest of three runs counts
				result = interop.RunProgramWithEnv(t, program, test.environment, args...)
				if result.Duration < maxStartTime {
					break
				}
			}
			if result.Duration >= maxStartTime {
				t.Errorf("took %s", result.Duration)
			}
			if result.ExitCode != test.code || result.Stdout != "" {
				t.Errorf("exit %d, not %d; standard output %q", result.ExitCode, test.code, result.Stdout)
			}
			if strings.Contains(result.Stderr, "hidden") || strings.Contains(result.Stderr, "worthless") {
				t.Errorf("a password is told: %s", result.Stderr)
			}
			line, rest, _ := strings.Cut(result.Stderr, "\n")
			if rest != "" || !strings.HasPrefix(line, filepath.Base(program)+": ") || !strings.Contains(line, test.message) {
				t.Errorf("standard error is not one line with %q:\n%s", test.message, result.Stderr)
			}
		})
	}
}

// refusedStarts lists an operator's mistakes.
func refusedStarts(t *testing.T) []refusedStart {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		interop.WriteFile(t, path, content)
		return path
	}
	dev := interop.NewDevelopmentDirectory(t)
	p12, password := testpki.P12File(t, testpki.Hospital)
	key, right, wrong := write("key.p12", p12), write("right.txt", []byte(password)), write("wrong.txt", []byte("not "+password))
	stranger, _ := testpki.P12File(t, authority.EntryUntrusted)
	untrusted := write("untrusted.p12", stranger)
	costly := write("costly.p12", p12WithIterations(t, math.MaxInt32))
	file, trust := write("file", nil), write("trust.pem", testpki.CAFile(t))
	ctr := func(p12, password string) []string {
		return []string{"--p12", p12, "--password-file", password, "--url", "http://127.0.0.1:1/ctr/v1", "search", "--patient", interop.PatientSSIN}
	}
	reply := func(p12, password string) []string {
		return []string{"--dev", "--data", dev, "--sign-replies", "--reply-key", p12, "--reply-password-file", password}
	}
	const publicURL = "https://ctr.example/ctr/v1"
	named := func(more ...string) []string { return append([]string{"--public-url", publicURL}, more...) }
	plain := func(more ...string) []string { return append(named("--http", "--trust", trust), more...) }
	missing := filepath.Join(dir, "missing")
	portal := func(flag, value string) []string { // all settings of a portal, with one changed, or left out
		flags := map[string]string{
			"--portal-key": key, "--portal-password-file": right, "--oidc-issuer": "https://provider.example",
			"--oidc-client": "ctr", "--oidc-secret-file": right,
		}
		flags[flag] = value
		args := plain("--data", dev, "--keys", filepath.Join(dir, "keys.json"))
		for name, text := range flags {
			if text != "" {
				args = append(args, name+"="+text)
			}
		}
		return args
	}
	cards := func(p12, password string) []string {
		return plain("--data", dev, "--keys", filepath.Join(dir, "keys.json"), "--card-key", p12, "--card-password-file", password)
	}
	return []refusedStart{
		{"ctr: wrong password", "ctr", nil, ctr(key, wrong), 2, "P12_PASSWORD"},
		{"ctr: costly p12", "ctr", nil, ctr(costly, right), 2, "P12_TOO_COSTLY"},
		{"ctr: no p12", "ctr", nil, ctr(file, right), 2, "P12_UNREADABLE"},
		{"ctr: unknown flag", "ctr", nil, append(ctr(key, right), "--nonsense"), 2, "unknown flag --nonsense"},
		{"ctr: nobody there", "ctr", nil, ctr(key, right), 3, "could not reach the service"},
		{"reply key: wrong password", "", nil, reply(key, wrong), 1, "P12_PASSWORD"},
		{"reply key: costly", "", nil, reply(costly, right), 1, "P12_TOO_COSTLY"},
		{"reply key: none", "", nil, []string{"--dev", "--data", dev, "--sign-replies"}, 1, "--reply-key"},
		{"data folder below a file, development", "", nil, []string{"--dev", "--data", file + "/data"}, 1, "not a directory"},
		{"data folder below a file", "", nil, plain("--data", file+"/data"), 1, "not a directory"},
		{"data folder is a file", "", nil, plain("--data", file), 1, "not a directory"},
		{"data folder where none can be made", "", nil, plain("--data", "/proc/ctr-data"), 1, "/proc/ctr-data"},
		{"no keys for a new register", "", nil, plain("--data", filepath.Join(dir, "new")), 1, "there is no key file /etc/ctrd/keys/keys.json: make one"},
		{"port in use", "", nil, plain("--data", dev, "--listen", silentPort(t)), 1, "address already in use"},
		{"admin port in use", "", nil, plain("--data", dev, "--keys", filepath.Join(dir, "keys.json"), "--admin-listen", silentPort(t)), 1, "address already in use"},
		{"not an address", "", nil, plain("--data", dev, "--listen", "nonsense"), 1, "nonsense"},
		{"newer tables", "", nil, plain("--data", newerSchemaFolder(t)), 1, "this program knows"},
		{"database that is none", "", nil, plain("--data", corruptDatabaseFolder(t)), 1, "not a database"},
		{"unknown key", "", nil, []string{"--config", write("unknown.json", []byte(`{"listen": "127.0.0.1:0", "lisen": "0.0.0.0:1"}`))}, 2, `unknown key "lisen"`},
		{"list for an object", "", nil, []string{"--config", write("list.json", []byte(`[]`))}, 2, "not a JSON object"},
		{"no configuration file", "", nil, []string{"--config", missing}, 2, "missing"},
		{"wrong value in the environment", "", []string{"CTR_STRICT=perhaps"}, nil, 2, "perhaps"},
		{"wrong value in the file", "", nil, []string{"--config", write("value.json", []byte(`{"environment": "Nowhere"}`))}, 2, "Nowhere"},
		{"unknown flag", "", nil, []string{"--nonsense"}, 2, "unknown flag --nonsense"},
		{"unknown command", "", nil, []string{"nonsense"}, 2, "nonsense"},
		{"plain HTTP for everybody", "", nil, plain("--data", dev, "--listen", "0.0.0.0:0"), 1, "loopback"},
		{"plain HTTP for everybody, IPv6", "", nil, plain("--data", dev, "--listen", "[::]:0"), 1, "loopback"},
		{"plain HTTP, no host", "", nil, plain("--data", dev, "--listen", ":0"), 1, "loopback"},
		{"nobody trusted", "", nil, named("--http", "--data", dev), 1, "--trust"},
		{"no trust file", "", nil, named("--http", "--data", dev, "--trust", missing), 1, "missing"},
		{"trust file is a folder", "", nil, named("--http", "--data", dev, "--trust", dir), 1, "directory"},
		{"trust file without certificates", "", nil, named("--http", "--data", dev, "--trust", file), 1, "--trust"},
		{"revocation list that is none", "", nil, plain("--data", dev, "--crl", file), 1, "--crl"},
		{"OCSP response that is none", "", nil, plain("--data", dev, "--ocsp", file), 1, "--ocsp"},
		{"address of a revocation list that is none", "", nil, plain("--data", dev, "--crl", "ldap://user:hidden@directory.example/"), 1, "--crl"},
		{"address of a revocation list for nobody", "", nil, plain("--data", dev, "--revocation", "off", "--crl", "http://lists.example/ca.crl"), 1, "--crl"},
		{"unknown policy of revocation", "", nil, plain("--data", dev, "--revocation", "perhaps"), 2, "perhaps"},
		{"no TLS certificate", "", nil, named("--data", dev, "--trust", trust), 1, "--tls-cert"},
		{"TLS certificate that is none", "", nil, named("--data", dev, "--trust", trust, "--tls-cert", trust, "--tls-key", file), 1, "TLS"},
		{"no PostgreSQL there", "", nil, plain("--data", dev, "--database", "postgres://register:hidden@127.0.0.1:1/register?sslmode=disable"), 1, "connection refused"},
		{"remote PostgreSQL, not verified", "", nil, plain("--data", dev, "--database", "postgres://register:hidden@db.example/register"), 1, "--database-unverified"},
		{"remote PostgreSQL, any certificate", "", nil, plain("--data", dev, "--database", "postgres://register:hidden@127.0.0.1,db.example/register?sslmode=require"), 1, "sslmode=verify-full"},
		{"not PostgreSQL", "", nil, plain("--data", dev, "--database", "mysql://127.0.0.1/register"), 1, "postgres://"},
		{"no public URL", "", nil, []string{"--data", dev, "--trust", trust, "--tls-cert", trust, "--tls-key", file}, 1, "--public-url"},
		{"no public URL behind a proxy", "", nil, []string{"--data", dev, "--trust", trust, "--http"}, 1, "--public-url"},
		{"no public URL but a variable without text", "", []string{"CTR_PUBLIC_URL="}, []string{"--data", dev, "--trust", trust, "--http"}, 1, "--public-url"},
		{"public URL without scheme", "", nil, plain("--data", dev, "--public-url", "ctr.example/ctr/v1"), 1, "--public-url"},
		{"public URL without host", "", nil, plain("--data", dev, "--public-url", "https:///ctr/v1"), 1, "--public-url"},
		{"public URL with a password", "", nil, plain("--data", dev, "--public-url", "https://user:hidden@ctr.example/ctr/v1"), 1, "--public-url"},
		{"public URL with a query", "", nil, plain("--data", dev, "--public-url", "https://ctr.example/ctr/v1?wsdl"), 1, "--public-url"},
		{"public URL of another protocol", "", nil, plain("--data", dev, "--public-url", "ftp://ctr.example/ctr/v1"), 1, "--public-url"},
		{"drain that never ends", "", nil, plain("--data", dev, "--drain", "24h"), 1, "--drain"},
		{"drain before the signal", "", nil, plain("--data", dev, "--drain=-1s"), 1, "--drain"},
		{"drain without unit", "", nil, plain("--data", dev, "--drain", "5"), 1, "--drain"},
		{"portal: only a key", "", nil, plain("--data", dev, "--portal-key", key), 1, "the portal also needs --portal-password-file, --oidc-issuer, --oidc-client, --oidc-secret-file"},
		{"portal: no key", "", nil, portal("--portal-key", ""), 1, "the portal also needs --portal-key"},
		{"portal: no password", "", nil, portal("--portal-password-file", ""), 1, "the portal also needs --portal-password-file"},
		{"portal: no provider", "", nil, portal("--oidc-issuer", ""), 1, "the portal also needs --oidc-issuer"},
		{"portal: no client", "", nil, portal("--oidc-client", ""), 1, "the portal also needs --oidc-client"},
		{"portal: no secret", "", nil, portal("--oidc-secret-file", ""), 1, "the portal also needs --oidc-secret-file"},
		{"portal: only a client, development", "", nil, []string{"--dev", "--data", dev, "--oidc-client", "ctr"}, 1, "the portal also needs --portal-key"},
		{"portal: wrong password", "", nil, portal("--portal-password-file", wrong), 1, "--portal-key: "},
		{"portal: provider without TLS", "", nil, portal("--oidc-issuer", "http://provider.example"), 1, "--oidc-issuer: not an https URL"},
		{"portal: no secret file", "", nil, portal("--oidc-secret-file", missing), 1, "--oidc-secret-file"},
		{"portal: empty secret file", "", nil, portal("--oidc-secret-file", file), 1, "--oidc-secret-file " + file + ": empty"},
		{"cards: a key without password", "", nil, plain("--data", dev, "--card-key", key), 1, "signed cards need --card-key and --card-password-file"},
		{"cards: wrong password", "", nil, cards(key, wrong), 1, "--card-key: "},
		{"cards: RSA", "", nil, cards(key, right), 1, "--card-key: cards are signed with an EC key on the curve P-256"},
		{"cards: not below a trusted authority", "", nil, cards(untrusted, right), 1, "--card-key: CERT_UNTRUSTED"},
		{"SHA-1 without end", "", nil, plain("--data", dev, "--allow-sha1", "forever"), 1, "--allow-sha1"},
	}
}

// p12WithIterations returns the part of a .p12 file that a parser reads before it derives the MAC key: an empty store
// whose MAC has the given iteration count (RFC 7292, section 4).
func p12WithIterations(t *testing.T, iterations int) []byte {
	t.Helper()
	type content struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	type digest struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	data, err := asn1.Marshal(struct {
		Version int
		Safes   content
		MAC     struct {
			Digest     digest
			Salt       []byte
			Iterations int
		}
	}{
		Version: 3,
		Safes:   content{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, []byte{0x30, 0}},
		MAC: struct {
			Digest     digest
			Salt       []byte
			Iterations int
		}{
			digest{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, Parameters: asn1.NullRawValue}, make([]byte, 32)},
			make([]byte, 8), iterations,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// silentPort returns an address that is in use; its listener accepts connections and sends nothing.
func silentPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// newerSchemaFolder returns the data directory of a service whose tables a newer program has migrated.
func newerSchemaFolder(t *testing.T) string {
	t.Helper()
	directory := interop.NewDevelopmentDirectory(t)
	interop.StartService(t, directory).Stop(t)
	db := interop.OpenEmbedded(t, directory)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	return directory
}

// corruptDatabaseFolder returns a data directory whose database file is not a database.
func corruptDatabaseFolder(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	interop.WriteFile(t, filepath.Join(directory, "ctr.sqlite"), []byte(strings.Repeat("this is no database\n", 100)))
	return directory
}

// A database that accepts connections and never responds must not block a start for ever.
func TestSilentPostgresIsGivenUp(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	trust := filepath.Join(directory, "trust.pem")
	interop.WriteFile(t, trust, testpki.CAFile(t))
	result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "serve", "--http", "--public-url", "https://ctr.example/ctr/v1", "--trust", trust, "--listen", "127.0.0.1:0", "--data", directory,
		"--database", "postgres://register:hidden@"+silentPort(t)+"/register?sslmode=disable")
	if result.ExitCode != 1 || strings.Count(result.Stderr, "\n") != 1 || strings.Contains(result.Stderr, "hidden") {
		t.Errorf("exit %d after %s: %s", result.ExitCode, result.Duration, result.Stderr)
	}
	if result.Duration > 30*time.Second {
		t.Errorf("took %s", result.Duration)
	}
}
