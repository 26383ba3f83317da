package store_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the time zone of Brussels, also on a machine without zone files

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFindingM3SameStatements counts the SQL statements of every reading operation, for data that is withheld from the
// caller and for data that does not exist. The numbers are the same: who may see nothing cannot tell by the time that
// an answer takes whether there is anything.
func TestFindingM3SameStatements(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testSameStatements(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testSameStatements(t, storetest.NewPostgresBackends(t)(t)) })
}

// countedNode is a register on a new node, whose cache is empty.
type countedNode struct {
	*implants.Registrar
	db       *store.DB
	messages *uint64
}

var countedAt = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func newCountedNode(t *testing.T, b storetest.Backend, messages *uint64) countedNode {
	t.Helper()
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	return countedNode{implants.New(implants.Config{Store: db, Now: func() time.Time { return countedAt }, Location: brussels,
		NewID: func() string { *messages++; return fmt.Sprintf("id-%06d", *messages) }}), db, messages}
}

// caller identifies the signer of a new message.
func (n countedNode) caller(t *testing.T, signer string, author ident.SSIN) platform.Caller {
	t.Helper()
	kind, id, _ := strings.Cut(signer, "=")
	*n.messages++
	m := platform.SignedMessage{Correlation: fmt.Sprintf("c-%d", *n.messages), Operation: "Operation", ReceivedAt: countedAt,
		Signer: platform.Signer{Type: kind, ID: id}, ReplayKey: platform.ReplayKey{ExpiresAt: countedAt.Add(5 * time.Minute)}}
	binary.BigEndian.PutUint64(m.ReplayKey.Hash[:], *n.messages)
	var named platform.Author
	if !author.IsZero() {
		named = platform.Author{{Type: "SSIN", Value: author.Digits()}}
	}
	c, err := n.Identify(t.Context(), m, named)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testSameStatements(t *testing.T, b storetest.Backend) {
	t.Helper()
	var messages uint64
	first := newCountedNode(t, b, &messages)
	defer func() { _ = first.db.Close() }()
	if err := first.db.LoadSources(t.Context(), registertest.DevelopmentSources(t)); err != nil {
		t.Fatal(err)
	}
	claes := func() platform.Caller { return first.caller(t, "SSIN="+people.Claes.Digits(), ident.SSIN{}) }
	n := implants.Implantation{Specialist: platform.ProfessionalRef{SSIN: people.Claes}, SurgeryDate: people.MustDate("2026-11-20"),
		Patient: people.Leroy, Prescriber: platform.ProfessionalRef{SSIN: people.Claes}, PrescriptionDate: people.MustDate("2026-11-02"),
		Comment: "revision of the left knee", Implants: []implants.NotifiedImplant{{Code: people.Knee, Quantity: 1, Location: "left knee"}}}
	var kept, draft implants.Receipt
	for range 25 {
		var err error
		if kept, err = first.NotifyImplant(t.Context(), claes(), implants.SubmissionOptions{}, n); err != nil {
			t.Fatal(err)
		}
	}
	draft, err := first.NotifyImplant(t.Context(), claes(), implants.SubmissionOptions{Save: implants.Draft}, n)
	if err != nil {
		t.Fatal(err)
	}
	absentNumber, err := ident.NewNotificationNumber(people.MustDate("2026-11-21"), 997)
	if err != nil {
		t.Fatal(err)
	}
	page := platform.Page{Limit: 10}
	type asked struct {
		patient   ident.SSIN
		number    ident.NotificationNumber
		reference string
	}
	reads := map[string]func(n countedNode, c platform.Caller, a asked) error{
		"search by patient": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.Search(t.Context(), c, implants.SearchRequest{Page: page, Patient: a.patient})
			return err
		},
		"search by number": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.Search(t.Context(), c, implants.SearchRequest{Page: page, Number: a.number})
			return err
		},
		"list of implants": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.ListPatientImplants(t.Context(), c, implants.ListImplantsRequest{Page: page, Patient: a.patient})
			return err
		},
		"patient card": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.GetImplantCard(t.Context(), c, implants.CardRequest{Patient: a.patient})
			return err
		},
		"card by number": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.GetImplantCard(t.Context(), c, implants.CardRequest{Number: a.number})
			return err
		},
		"notification by number": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.GetNotification(t.Context(), c, implants.NotificationRequest{Notification: implants.NotificationRef{Number: a.number}})
			return err
		},
		"notification by reference": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.GetNotification(t.Context(), c, implants.NotificationRequest{Notification: implants.NotificationRef{Reference: a.reference}})
			return err
		},
		"withdrawal by number": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.DiscardNotification(t.Context(), c, implants.DiscardRequest{Notification: implants.NotificationRef{Number: a.number}, Version: 1, Reason: "r"})
			return err
		},
		"validation by reference": func(n countedNode, c platform.Caller, a asked) error {
			_, err := n.ValidateNotification(t.Context(), c, implants.ValidateRequest{Reference: a.reference, Version: 1})
			return err
		},
		"revision by number": func(node countedNode, c platform.Caller, a asked) error {
			_, err := node.ReviseNotification(t.Context(), c, implants.ReviseRequest{Notification: implants.NotificationRef{Number: a.number}, Version: 1, Implantation: &n})
			return err
		},
	}
	hospital := "NIHII-HOSPITAL=" + people.Hospital.Digits()
	callers := map[string]func(countedNode) platform.Caller{
		"another doctor":          func(n countedNode) platform.Caller { return n.caller(t, "SSIN="+people.Dubois.Digits(), ident.SSIN{}) },
		"a doctor of former days": func(n countedNode) platform.Caller { return n.caller(t, "SSIN="+people.Peeters.Digits(), ident.SSIN{}) },
		"another patient":         func(n countedNode) platform.Caller { return n.caller(t, "SSIN="+people.Nguyen.Digits(), ident.SSIN{}) },
		"staff with their own certificate": func(n countedNode) platform.Caller {
			return n.caller(t, "SSIN="+people.Wouters.Digits(), ident.SSIN{})
		},
		"an access manager": func(n countedNode) platform.Caller { return n.caller(t, hospital, people.Smit) },
		"a doctor inside another hospital": func(n countedNode) platform.Caller {
			return n.caller(t, "NIHII-HOSPITAL="+people.Clinic.Digits(), people.Dubois)
		},
	}
	withheld := asked{people.Leroy, kept.Number, kept.Reference}
	others := map[string]asked{
		"a draft":                             {people.Leroy, kept.Number, draft.Reference},
		"absent":                              {people.Goosens, absentNumber, "none"},
		"absent, and the number is not known": {people.MustSSIN("50010100156"), absentNumber, "none"},
	}
	count := func(by func(countedNode) platform.Caller, read func(countedNode, platform.Caller, asked) error, a asked) int {
		node := newCountedNode(t, b, &messages)
		caller := by(node)
		statements, _ := store.CountStatements(node.db, func() error { return read(node, caller, a) })
		if err := node.db.Close(); err != nil {
			t.Error(err)
		}
		return statements
	}
	// The first question about a number makes it known, for the audit log.
	count(callers["another patient"], reads["patient card"], others["absent, and the number is not known"])
	for who, by := range callers {
		count(by, reads["patient card"], withheld) // makes the caller known, too
		for what, read := range reads {
			want := count(by, read, withheld)
			for which, other := range others {
				got := count(by, read, other)
				if got != want || want == 0 {
					t.Errorf("%s, %s: %d statements for what is withheld, %d for %s", who, what, want, got, which)
				}
			}
		}
	}
}
