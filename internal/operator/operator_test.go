package operator_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

func TestReasonOfAnAct(t *testing.T) {
	for reason, ok := range map[string]bool{"": false, "  ": false, "asked by the patient": true, strings.Repeat("x", 501): false, "\xff": false} {
		if err := operator.CheckReason(reason); (err == nil) != ok {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

func TestActionWithoutName(t *testing.T) {
	if err := (operator.Operator{Name: " "}).RecordActions(t.Context(), operator.Action{Operation: operator.ActionImport}); err == nil || !strings.Contains(err.Error(), "--by") {
		t.Errorf("%v", err)
	}
}

// pagedAudit is an AuditReader over a slice; it respects the page limit.
type pagedAudit struct {
	entries []platform.AuditEntry
	err     error
}

func (p pagedAudit) Audit(_ context.Context, q platform.AuditQuery) ([]platform.AuditEntry, error) {
	var found []platform.AuditEntry
	for _, e := range p.entries {
		if e.Seq > q.AfterSeq && len(found) < q.Limit {
			found = append(found, e)
		}
	}
	return found, p.err
}

func TestDisclosure(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 123456000, time.UTC)
	ssin, err := ident.ParseSSIN("78031412250")
	if err != nil {
		t.Fatal(err)
	}
	trail := pagedAudit{entries: []platform.AuditEntry{
		{Seq: 1, PersonPseudonym: 7, PatientPseudonym: 8, Event: platform.AuditEvent{OccurredAt: at, Operation: "Search", Outcome: platform.OutcomeRefused, Codes: []problem.Code{"ONE", "TWO"},
			EmergencyReason: "=1+1;\n<b>", Correlation: "c-1", Signer: "SSIN=#7"}},
		{Seq: 2, PersonPseudonym: 7, Event: platform.AuditEvent{OccurredAt: at, Person: ssin, Patient: ssin}},
	}}
	for _, test := range []struct{ format, want string }{
		{"csv", "seq;at;operation;outcome;codes;person;capacity;organisation;signer;patient;number;reason;stated_reason;correlation\n" +
			"1;2026-11-22T09:00:00.123456Z;Search;refused;ONE TWO;#7;;;SSIN=#7;#8;;;\"'=1+1;\n<b>\";c-1\n" +
			"2;2026-11-22T09:00:00.123456Z;;;;78031412250;;;;78031412250;;;;\n"},
		{"json", `{"seq":1,"at":"2026-11-22T09:00:00.123456Z","operation":"Search","outcome":"refused","codes":["ONE","TWO"],"person":"#7",` +
			`"capacity":"","organisation":"","signer":"SSIN=#7","patient":"#8","number":"","reason":"","stated_reason":"=1+1;\n<b>","correlation":"c-1"}` + "\n" +
			`{"seq":2,"at":"2026-11-22T09:00:00.123456Z","operation":"","outcome":"","codes":[],"person":"78031412250",` +
			`"capacity":"","organisation":"","signer":"","patient":"78031412250","number":"","reason":"","stated_reason":"","correlation":""}` + "\n"},
	} {
		var out bytes.Buffer
		n, err := operator.AuditExport{Format: test.format}.Write(t.Context(), trail, &out)
		if err != nil || n != 2 || out.String() != test.want {
			t.Errorf("%s: %d, %v\n%s", test.format, n, err, out.String())
		}
	}
	var out bytes.Buffer
	if n, err := (operator.AuditExport{Format: "csv"}).Write(t.Context(), pagedAudit{}, &out); err != nil || n != 0 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("nothing: %d, %v, %q", n, err, out.String())
	}
	review := func(context.Context, []platform.AuditEntry) ([]platform.OwnSurgeryReview, error) {
		return []platform.OwnSurgeryReview{{OpenSince: at.Add(-90 * time.Second), IsMovedLater: true, IsWithdrawnLater: true, PatientsThatDay: 3}, {}}, nil
	}
	for format, want := range map[string][]string{
		"csv":  {";correlation;minutes_since_registration;later;patients_that_day\n", ";c-1;1;other patient, withdrawn;3\n", ";;;0\n"},
		"json": {`"correlation":"c-1","minutes_since_registration":1,"later":"other patient, withdrawn","patients_that_day":3}`, `"minutes_since_registration":null,"later":"","patients_that_day":0}`},
	} {
		out.Reset()
		n, err := operator.AuditExport{Format: format, Review: review}.Write(t.Context(), trail, &out)
		for _, text := range want {
			if err != nil || n != 2 || !strings.Contains(out.String(), text) {
				t.Errorf("%s with reviews: %v, no %q in\n%s", format, err, text, out.String())
			}
		}
	}
	many := pagedAudit{entries: make([]platform.AuditEntry, 2500)}
	for i := range many.entries {
		many.entries[i].Seq = int64(i + 1)
	}
	if n, err := (operator.AuditExport{Format: "json"}).Write(t.Context(), many, &out); err != nil || n != 2500 {
		t.Errorf("many: %d, %v", n, err)
	}
	failure := errors.New("gone")
	if _, err := (operator.AuditExport{Format: "json"}).Write(t.Context(), pagedAudit{err: failure}, &out); !errors.Is(err, failure) {
		t.Errorf("a failure: %v", err)
	}
}
