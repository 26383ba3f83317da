package interop_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/devdata"
	"github.com/openctr/ctr/internal/interop"
)

// traces are the forms in which what must not be told could stand somewhere, with what each is of.
type traces map[string]string

// tracesOf are those of the persons of the development data and of what callers say in the scenarios.
func tracesOf(t *testing.T) traces {
	t.Helper()
	all := traces{}
	for _, text := range []string{comment, location, loosened, mistake, accident} {
		all.add("a text", text)
	}
	file, err := devdata.Files.Open("persons.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := csv.NewReader(file)
	lines.Comma = ';'
	persons, err := lines.ReadAll()
	if err != nil || len(persons) < 2 {
		t.Fatalf("persons.csv: %v", err)
	}
	all.add("a mistyped number", mistyped)
	for _, person := range persons[1:] {
		n := person[0]
		all.add("a number", n)
		digest := sha256.Sum256([]byte(n)) // without a key, anybody could try all numbers
		all.add("the digest of a number", string(digest[:]))
		all.add("a number as it is printed", fmt.Sprintf("%s.%s.%s-%s.%s", n[:2], n[2:4], n[4:6], n[6:9], n[9:]))
		if len(person[2]) > 4 { // a shorter one may stand anywhere
			all.add("a name", person[2])
		}
	}
	return all
}

// add adds a text: in plain, in hexadecimal digits, and in base64 wherever in a longer text it may stand.
func (a traces) add(what, text string) {
	a[text] = what
	a[hex.EncodeToString([]byte(text))] = what + ", in hexadecimal digits"
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), text...))
		// A character holds six bits: only those count that hold none of what stands before and after.
		a[encoded[(shift*8+5)/6:(shift+len(text))*8/6]] = what + ", in base64"
	}
}

// in finds the first trace in octets.
func (a traces) in(octets []byte) string {
	for form, what := range a {
		if i := bytes.Index(octets, []byte(form)); i >= 0 {
			return fmt.Sprintf("%s at %d: %q", what, i, octets[max(0, i-40):min(len(octets), i+len(form)+20)])
		}
	}
	return ""
}

// inValue finds the first trace in a value of a database, also if it was only compressed.
func (a traces) inValue(value any) string {
	var octets []byte
	switch v := value.(type) {
	case []byte:
		octets = v
	default:
		return a.in(fmt.Append(nil, v))
	}
	if found := a.in(octets); found != "" {
		return found
	}
	for skipped := range min(len(octets), 12) { // what may stand before: a mark, a length, the head of zlib or gzip
		text, _ := io.ReadAll(flate.NewReader(bytes.NewReader(octets[skipped:]))) // most are no such thing
		if found := a.in(text); found != "" {
			return "compressed: " + found
		}
	}
	return ""
}

// private looks into everything that the services have left: the database, as its files and as what stands in its tables,
// the logs, the metrics, and what the operator was told.
func (p *play) private() {
	all := tracesOf(p.t)
	p.left["what the operator was told"] = []byte(p.said.String())
	if p.place.URL != "" {
		p.dump()
	}
	public := traces{"Total Knee System": "the name of a device"} // which must be found, or the database was not looked into
	database := false
	for where, octets := range p.left {
		database = database || public.in(octets) != ""
		if found := all.in(octets); found != "" {
			p.t.Errorf("%s: %s", where, found)
		}
	}
	if _, err := exec.LookPath("pg_dump"); !database && (err == nil || p.place.URL == "") {
		p.t.Error("no file of the database was looked into")
	}
	p.tables(all, public)
}

// files reads all that lies in the service's folder, without the test PKI that lay there before.
func (p *play) files(when string) {
	p.t.Helper()
	err := filepath.WalkDir(p.service.Data, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "certs":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		p.left[entry.Name()+" "+when], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// dump adds what pg_dump makes of the database, with the octets of its columns as such. The tables are read in any case.
func (p *play) dump() {
	p.t.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil && os.Getenv("CI") != "true" {
		return
	}
	result := interop.Run(p.t, interop.Tool(p.t, "pg_dump", "postgresql-client"), "--dbname="+p.place.URL)
	if result.Code != 0 || !strings.Contains(result.Stdout, "COPY ") {
		p.t.Fatalf("pg_dump: exit %d\n%s", result.Code, result.Stderr)
	}
	p.left["the dump"] = []byte(result.Stdout)
	p.left["the octets in the dump"] = octetsIn.ReplaceAllFunc(p.left["the dump"], func(digits []byte) []byte {
		octets, err := hex.DecodeString(string(digits[3:]))
		if err != nil {
			p.t.Fatal(err)
		}
		return octets
	})
}

// octetsIn finds a value of type bytea in a dump.
var octetsIn = regexp.MustCompile(`\\\\x(?:[0-9a-f]{2})+`)

// tables reads every value of every table.
func (p *play) tables(all, public traces) {
	p.t.Helper()
	db, names := p.place.Raw(p.t), `SELECT name FROM sqlite_master WHERE type = 'table'`
	if p.place.URL != "" {
		names = `SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`
	}
	there := false
	for _, name := range read(p.t, db, names) {
		for _, value := range read(p.t, db, `SELECT * FROM `+fmt.Sprint(text(name))) {
			there = there || public.inValue(value) != ""
			if found := all.inValue(value); found != "" {
				p.t.Errorf("table %s: %s", text(name), found)
				break
			}
		}
	}
	if !there {
		p.t.Error("the tables were not looked into")
	}
}

func text(value any) any {
	if octets, ok := value.([]byte); ok {
		return string(octets)
	}
	return value
}

// read returns all values of a query.
func read(t *testing.T, db *sql.DB, query string) []any {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if closed := rows.Close(); closed != nil {
			t.Error(closed)
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err = rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row...)
	}
	if err = rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A search that finds nothing proves nothing unless it would find what is there.
func TestTracesAreFound(t *testing.T) {
	t.Parallel()
	all := tracesOf(t)
	var compressed bytes.Buffer
	w, err := flate.NewWriter(&compressed, flate.BestSpeed)
	if err == nil {
		_, err = io.WriteString(w, "<Comment>"+comment+"</Comment>")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"plain": []byte("CN=SSIN=" + leroySSIN), "text": "about " + leroySSIN, "number": int64(48022907379), "printed": "48.02.29-073.79", "name": "Jeanne Leroy",
		"base64": base64.StdEncoding.EncodeToString([]byte("<Patient>" + leroySSIN + "</Patient>")), "shifted": base64.StdEncoding.EncodeToString([]byte(">>" + location)),
		"hexadecimal": hex.EncodeToString([]byte(">" + accident)), "compressed": append([]byte{1, 2, 3}, compressed.Bytes()...),
	} {
		if all.inValue(value) == "" {
			t.Errorf("%s: not found", name)
		}
	}
	if found := all.inValue("a register of implants 48022907380"); found != "" {
		t.Errorf("found %s", found)
	}
}
