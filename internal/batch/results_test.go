package batch_test

import (
	"encoding/csv"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/batch"
)

// newJournal returns a journal with the given entries.
func newJournal(t *testing.T, lines ...batch.JournalEntry) *batch.Journal {
	t.Helper()
	j, err := batch.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	if err == nil {
		err = j.Append(lines)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if failed := j.Close(); failed != nil {
			t.Error(failed)
		}
	})
	return j
}

// TestResults checks that every row has a line with its result, in the order of the file, and that no personal number
// is in the results.
func TestResults(t *testing.T) {
	with := func(row, old, replacement string) string { return strings.Replace(row, old, replacement, 1) }
	text := joinLines(header,
		validRow("two"), // row 2
		validRow("no"),
		"two;;;;;;000071200275;1",
		"", // row 5 is empty
		with(with(validRow("bad"), "48022907379", "48022907378"), "176;1", "176;0"),
		validRow("bad"),
		validRow("later"),
		validRow("no"),
		validRow("all"), // row 10
		validRow("changed"),
		with(validRow(""), "000071200176", "x"),
		validRow("=1+1"),
		"",
	)
	f := batch.Read([]byte(text), testOptions(t))
	j := newJournal(t,
		batch.JournalEntry{InputReference: "two", Content: f.Notifications[0].ContentDigest(), Outcome: batch.OutcomeAccepted, Number: "202611210000197", Reference: "r-two",
			Implants: []string{"i-1", "i-2"}, Findings: []batch.Finding{{Code: "WARN_SECOND", Implant: 2}, {Code: "WARN_ALL"}}},
		batch.JournalEntry{InputReference: "no", Outcome: batch.OutcomeRefused, Findings: []batch.Finding{{Code: "SECOND", Implant: 2, Message: "the second; it is wrong"}}},
		batch.JournalEntry{InputReference: "all", Outcome: batch.OutcomeRefused, Findings: []batch.Finding{{Code: "ALL", Message: "a\nb"}, {Code: "ONE", Implant: 1}}},
		batch.JournalEntry{InputReference: "changed", Content: "other", Outcome: batch.OutcomeAccepted, Number: "202611210000294", Reference: "r-changed", Implants: []string{"i-3"}})
	f.Pending(j, false)
	want := `row;input_reference;outcome;number;reference;implant_id;column;codes;message
2;two;accepted;202611210000197;r-two;i-1;;WARN_ALL;
3;no;refused;;;;;;refused because of another row with the same input_reference
4;two;accepted;202611210000197;r-two;i-2;;WARN_SECOND WARN_ALL;
5;;;;;;;;
6;bad;faulty;;;;patient_ssin quantity;SSIN_INVALID QUANTITY_OUT_OF_RANGE;`
	got := string(f.ResultsCSV(j))
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	want = `
7;bad;left out;;;;;;row 6 has the same input_reference and is faulty
8;later;not sent;;;;;;
9;no;refused;;;;;SECOND;"the second; it is wrong"
10;all;refused;;;;;ALL ONE;a b
11;changed;faulty;202611210000294;r-changed;;input_reference;;it was accepted before with another content, or another --save: revise that notification instead, or use another reference
12;;faulty;;;;notification_code;IMPLANT_CODE_INVALID;`
	if !strings.Contains(got, want) || !strings.HasSuffix(got, "\n13;'=1+1;not sent;;;;;;\n") || strings.Contains(got, "4802290737") {
		t.Errorf("got %s\nwant %s", got, want)
	}
	reader := csv.NewReader(strings.NewReader(got))
	reader.Comma = ';'
	if records, err := reader.ReadAll(); err != nil || len(records) != 13 { // record N describes row N
		t.Errorf("%d records, %v", len(records), err)
	}
}

// TestResultsOfJSONLines checks that rows are counted from the first line, and that invalid JSON has a line too.
func TestResultsOfJSONLines(t *testing.T) {
	o := testOptions(t)
	o.JSONLines = true
	f := batch.Read([]byte("{\n\n{\"input_reference\":\"A\"}\n"), o)
	got := string(f.ResultsCSV(newJournal(t)))
	want := "\n1;;faulty;;;;;;it is not one JSON object on one line\n2;;;;;;;;\n3;A;faulty;;;;operation_date patient_ssin "
	if !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
}
