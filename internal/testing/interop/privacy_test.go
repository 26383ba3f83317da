package interop_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// privateTexts maps each form in which private data could appear to its description.
type privateTexts map[string]string

// collectPrivateTexts returns the private data of the persons in the development data and the free texts of the
// scenarios.
func collectPrivateTexts(t *testing.T) privateTexts {
	t.Helper()
	all := privateTexts{}
	for _, text := range []string{comment, location, loosened, mistake, accident, wordyReference} {
		all.addForms("a text", text)
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
	all.addForms("a mistyped number", mistyped)
	for _, person := range persons[1:] {
		n := person[0]
		all.addForms("a number", n)
		digest := sha256.Sum256([]byte(n)) // an unkeyed digest can be reversed by trying all numbers
		all.addForms("the digest of a number", string(digest[:]))
		all.addForms("a number as it is printed", fmt.Sprintf("%s.%s.%s-%s.%s", n[:2], n[2:4], n[4:6], n[6:9], n[9:]))
		if len(person[2]) > 4 { // a shorter name may occur by chance
			all.addForms("a name", person[2])
		}
	}
	return all
}

// addForms adds a text in plain, in hexadecimal, and in base64 at any offset within a longer text.
func (a privateTexts) addForms(what, text string) {
	a[text] = what
	a[hex.EncodeToString([]byte(text))] = what + ", in hexadecimal digits"
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), text...))
		// A base64 character holds six bits. Keep only the characters without bits of the text before and after.
		a[encoded[(shift*8+5)/6:(shift+len(text))*8/6]] = what + ", in base64"
	}
}

// findIn returns a description of a private text in data, or an empty string.
func (a privateTexts) findIn(data []byte) string {
	for form, what := range a {
		if i := bytes.Index(data, []byte(form)); i >= 0 {
			return fmt.Sprintf("%s at %d: %q", what, i, data[max(0, i-40):min(len(data), i+len(form)+20)])
		}
	}
	return ""
}

// findInValue returns a description of a private text in a database value, also if it is compressed.
func (a privateTexts) findInValue(value any) string {
	var data []byte
	switch v := value.(type) {
	case []byte:
		data = v
	default:
		return a.findIn(fmt.Append(nil, v))
	}
	if found := a.findIn(data); found != "" {
		return found
	}
	for skipped := range min(len(data), 12) { // a marker, a length, or a zlib or gzip header may precede the data
		text, _ := io.ReadAll(flate.NewReader(bytes.NewReader(data[skipped:]))) // most values are not compressed
		if found := a.findIn(text); found != "" {
			return "compressed: " + found
		}
	}
	return ""
}

// checkPrivacy searches everything that the services left behind for private texts: the files and tables of the
// database, the logs, the metrics, and the output of the operator's commands.
func (p *scenarioRun) checkPrivacy() {
	all := collectPrivateTexts(p.t)
	p.leftovers["what the operator was told"] = []byte(p.operatorOutput.String())
	if p.database.URL != "" {
		p.collectDump()
	}
	public := privateTexts{"Total Knee System": "the name of a device"} // must be found, which proves that the database was searched
	database := false
	for where, data := range p.leftovers {
		database = database || public.findIn(data) != ""
		if found := all.findIn(data); found != "" {
			p.t.Errorf("%s: %s", where, found)
		}
	}
	if _, err := exec.LookPath("pg_dump"); !database && (err == nil || p.database.URL == "") {
		p.t.Error("no file of the database was looked into")
	}
	p.checkTables(all, public)
}

// checkExport checks that the audit log, as exported without persons, joins nobody who acts with a patient, except
// patients who read their own data.
func (p *scenarioRun) checkExport() {
	actors, patients, rows := map[string]bool{}, map[string]bool{}, 0
	for line := range strings.Lines(p.runAdmin("audit", "export", "--format", "json")) {
		var row struct{ Operation, Person, Patient, Signer, Reason, Capacity string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			continue // the last line is the number of entries
		}
		rows++
		pseudonym, _, _ := strings.Cut(strings.TrimPrefix(row.Signer, "SSIN="), ",")
		switch {
		case row.Reason == "patient's own data":
			p.requireEqual("capacity, person and signer of who reads their own data", row.Capacity+row.Person+pseudonym,
				"patient"+row.Patient+row.Patient)
		case row.Operation == "ManageMandate" || row.Operation == "ManageStaff":
			actors[row.Person], actors[row.Patient] = true, true // two who act, and no patient
		default:
			actors[row.Person], patients[row.Patient] = true, true
			if strings.HasPrefix(row.Signer, "SSIN=") {
				actors[pseudonym] = true
			}
		}
	}
	delete(actors, "")
	if rows < 50 || len(actors) < 5 || len(patients) < 3 {
		p.t.Errorf("%d rows, %d who act, %d patients", rows, len(actors), len(patients))
	}
	for actor := range actors {
		if patients[actor] {
			p.t.Errorf("%s acts and is a patient", actor)
		}
	}
}

// collectFiles reads all files in the service's data directory, except the test PKI.
func (p *scenarioRun) collectFiles(when string) {
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
		p.leftovers[entry.Name()+" "+when], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// collectDump adds the output of pg_dump, also with bytea columns decoded. Without pg_dump only the tables are
// searched.
func (p *scenarioRun) collectDump() {
	p.t.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil && os.Getenv("CI") != "true" {
		return
	}
	result := interop.RunProgram(p.t, interop.FindTool(p.t, "pg_dump", "postgresql-client"), "--dbname="+p.database.URL)
	if result.ExitCode != 0 || !strings.Contains(result.Stdout, "COPY ") {
		p.t.Fatalf("pg_dump: exit %d\n%s", result.ExitCode, result.Stderr)
	}
	p.leftovers["the dump"] = []byte(result.Stdout)
	p.leftovers["the octets in the dump"] = byteaPattern.ReplaceAllFunc(p.leftovers["the dump"], func(digits []byte) []byte {
		data, err := hex.DecodeString(string(digits[3:]))
		if err != nil {
			p.t.Fatal(err)
		}
		return data
	})
}

// byteaPattern matches a bytea value in a dump.
var byteaPattern = regexp.MustCompile(`\\\\x(?:[0-9a-f]{2})+`)

// checkTables searches every value of every table.
func (p *scenarioRun) checkTables(all, public privateTexts) {
	p.t.Helper()
	db, names := p.database.OpenRaw(p.t), `SELECT name FROM sqlite_master WHERE type = 'table'`
	if p.database.URL != "" {
		names = `SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`
	}
	sawPublic := false
	for _, name := range queryValues(p.t, db, names) {
		for _, value := range queryValues(p.t, db, `SELECT * FROM `+fmt.Sprint(bytesToString(name))) {
			sawPublic = sawPublic || public.findInValue(value) != ""
			if found := all.findInValue(value); found != "" {
				p.t.Errorf("table %s: %s", bytesToString(name), found)
				break
			}
		}
	}
	if !sawPublic {
		p.t.Error("the tables were not looked into")
	}
	storetest.CheckPurposes(p.t, db, p.database.URL != "")
}

func bytesToString(value any) any {
	if data, ok := value.([]byte); ok {
		return string(data)
	}
	return value
}

// queryValues returns all values of a query, row by row.
func queryValues(t *testing.T, db *sql.DB, query string) []any {
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
		row, destinations := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			destinations[i] = &row[i]
		}
		if err = rows.Scan(destinations...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row...)
	}
	if err = rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTracesAreFound: the search finds private texts in every form, so that a search without result proves something.
func TestTracesAreFound(t *testing.T) {
	t.Parallel()
	all := collectPrivateTexts(t)
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
		if all.findInValue(value) == "" {
			t.Errorf("%s: not found", name)
		}
	}
	if found := all.findInValue("a register of implants 48022907380"); found != "" {
		t.Errorf("found %s", found)
	}
}
