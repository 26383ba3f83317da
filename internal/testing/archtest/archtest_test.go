package archtest_test

import (
	"go/token"
	"strings"
	"testing"
)

func TestModuleFollowsTheTables(t *testing.T) {
	for _, line := range findViolations(parseModule(t, "../../..")) {
		t.Error(line)
	}
}

// TestTablesRefuse checks that each kind of violation is found, in source text that is not part of the module.
func TestTablesRefuse(t *testing.T) {
	const head = "package p\nimport "
	ours := func(pkg string) string { return head + `"` + module + "/" + pkg + `"` }
	cases := []struct {
		name, file, text, want string
	}{
		{"register with XML", "internal/implants/notify.go", head + `"encoding/xml"`,
			"internal/implants/notify.go:2: internal/implants must not import encoding/xml: the domain does not depend on XML"},
		{"register with HTTP, in a test", "internal/implants/notify_test.go", head + `"net/http/httptest"`,
			"internal/implants must not import net/http/httptest: the domain does not depend on XML or HTTP"},
		{"register with SQL", "internal/implants/store.go", head + `"database/sql"`,
			"internal/implants must not import database/sql: the domain declares the interface"},
		{"register with the store", "internal/implants/store.go", ours("internal/store"),
			"internal/implants must not import internal/store: the domain declares the interface"},
		{"message with the domain", "internal/message/wsse/verify.go", ours("internal/platform/ident"),
			"internal/message/wsse must not import internal/platform/ident: message security does not depend on the domain"},
		{"door with the store", "internal/soapdoor/serve.go", ours("internal/store"),
			"internal/soapdoor must not import internal/store: an entry point reaches a register through its Registrar"},
		{"store with XML", "internal/store/store.go", ours("internal/message/xmldoc"),
			"internal/store must not import internal/message/xmldoc: the store persists domain values"},
		{"a command as library", "internal/client/client.go", ours("cmd/ctr"),
			"internal/client must not import cmd/ctr: commands are the top"},
		{"a higher layer inside message", "internal/message/xmldoc/parse.go", ours("internal/message/soap"),
			"internal/message/xmldoc may not import internal/message/soap: its row of the import table has internal/problem"},
		{"a test that imports a higher layer", "internal/problem/problem_test.go", ours("internal/store"),
			"internal/problem may not import internal/store: its row of the import table has internal/texts"},
		{"test helper in production", "internal/operator/import.go", ours("internal/testing/storetest"),
			"internal/operator must not import internal/testing/storetest: it is for tests only"},
		{"package without a row", "internal/utils/utils.go", "package utils",
			"internal/utils/utils.go: package internal/utils is in no row of the import table"},
		{"driver outside the store", "internal/operator/import.go", head + `"github.com/jmoiron/sqlx"`,
			"internal/operator must not import github.com/jmoiron/sqlx: only internal/store/engine talks to a database"},
		{"driver by blank import", "cmd/ctrd/main.go", head + `_ "github.com/lib/pq"`,
			"cmd/ctrd must not import github.com/lib/pq: only internal/store/engine selects a database driver"},
		{"PDF outside the card", "internal/soapdoor/card.go", head + `"github.com/go-text/typesetting"`,
			"internal/soapdoor must not import github.com/go-text/typesetting: only internal/implants/card/pdfua sets text"},
		{"PKCS #12 outside p12", "cmd/ctr/cert.go", head + `"software.sslmate.com/src/go-pkcs12"`,
			"cmd/ctr must not import software.sslmate.com/src/go-pkcs12: a .p12 file must pass the limits"},
		{"etree on the receiving side", "internal/message/soap/open.go", head + `"github.com/beevik/etree"`,
			"internal/message/soap must not import github.com/beevik/etree: etree builds outgoing messages"},
		{"a library without a rule", "internal/implants/rules.go", head + `"example.org/rules"`,
			"internal/implants imports example.org/rules, which is not in the table of libraries"},
		{"environment", "internal/store/store.go", head + `"os"` + "\nvar _ = os.Getenv(`X`)",
			"internal/store/store.go:3: internal/store must not use os.Getenv: configuration is read once"},
		{"exit", "internal/client/client.go", head + `"os"` + "\nfunc f() { os.Exit(1) }",
			"internal/client must not use os.Exit: return an error"},
		{"clock as a value, renamed", "internal/implants/registrar.go", head + `clock "time"` + "\nvar now = clock.Now",
			"internal/implants must not use time.Now: the clock is a field"},
		{"global logger", "internal/soapdoor/serve.go", head + `"log/slog"` + "\nfunc f() { slog.SetDefault(nil) }",
			"internal/soapdoor must not use log/slog.SetDefault: the command configures one logger"},
		{"guessable randomness", "internal/implants/notify.go", head + `"math/rand/v2"`,
			"internal/implants must not import math/rand/v2: randomness comes from crypto/rand"},
		{"a test that sleeps", "internal/store/store_test.go", head + `"time"` + "\nfunc f() { time.Sleep(1) }",
			"internal/store must not use time.Sleep: a pause proves nothing on a busy machine"},
		{"body before verification", "internal/soapdoor/serve.go", "package p\nfunc f(e interface{ UnverifiedBody() }) { e.UnverifiedBody() }",
			"internal/soapdoor must not name UnverifiedBody: all other packages use Verified.Body()"},
		{"fault elsewhere", "internal/client/client.go", "package p\nfunc f() { g.FaultFrom() }",
			"internal/client must not name FaultFrom: refusals are converted to faults in one place"},
		{"fault written twice", "internal/soapdoor/serve.go", ours("internal/message/soap") + "\nfunc f() { soap.FaultFrom(); soap.FaultFrom() }",
			"internal/soapdoor must call internal/message/soap.FaultFrom exactly once, but the calls are internal/soapdoor/serve.go:3, internal/soapdoor/serve.go:3: faults are written by one line"},
		{"fault never written", "internal/soapdoor/serve.go", "package p",
			"internal/soapdoor must call internal/message/soap.FaultFrom exactly once, but the calls are nothing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file, err := parseSource(token.NewFileSet(), c.file, c.text)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(findViolations([]sourceFile{file}), "\n")
			if !strings.Contains(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestTablesAccept(t *testing.T) {
	const head = "package p\nimport "
	cases := []struct{ name, file, text string }{
		{"a command reads its environment", "cmd/ctrd/main.go", head + `"os"` + "\nvar _ = os.Getenv(`X`)"},
		{"tests have a clock and an XML decoder", "internal/wire/ctr/wire_test.go", head + "(\n\"encoding/xml\"\n\"time\"\n)\nvar _, _ = xml.Unmarshal, time.Now"},
		{"the door's tests open a store", "internal/soapdoor/cases_test.go", head + `"` + module + `/internal/store"`},
		{"the store maps rows", "internal/store/engine/rows.go", head + "(\n\"database/sql\"\n\"github.com/jmoiron/sqlx\"\n)"},
		{"a helper uses a helper", "internal/testing/storetest/run.go", head + `"` + module + `/internal/testing/registertest"`},
		{"a helper has a clock", "internal/testing/storetest/run.go", head + `"time"` + "\nvar now = time.Now"},
		{"a test with a virtual clock sleeps", "internal/store/store_test.go", head + "(\n\"testing/synctest\"\n\"time\"\n)\nvar _, _ = synctest.Wait, time.Sleep"},
		{"a field called like a package", "internal/implants/rules.go", "package p\nvar os struct{ Exit func() }\nfunc f() { os.Exit() }"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file, err := parseSource(token.NewFileSet(), c.file, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := findViolations([]sourceFile{file}); got != nil {
				t.Errorf("refused: %q", got)
			}
		})
	}
}
