package issuer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/registertest"
)

const origin = "https://ctr.example"

// node is a service on a register: a registrar with an issuer of cards.
type node struct {
	*implants.Registrar
	*issuer.Issuer

	t     *testing.T
	store *watchedStore
	clock *registertest.Clock
}

// watchedStore tells when a card is kept, and counts what a verification reads.
type watchedStore struct {
	*store.DB

	kept  chan string
	reads int
}

func (s *watchedStore) KeepCard(ctx context.Context, reference string, version int, state string, document []byte) ([]byte, error) {
	kept, err := s.DB.KeepCard(ctx, reference, version, state, document)
	s.kept <- fmt.Sprint(reference, " ", version)
	return kept, err
}

func (s *watchedStore) CurrentVersion(ctx context.Context, n ident.NotificationNumber) (int, implants.State, error) {
	s.reads++
	return s.DB.CurrentVersion(ctx, n)
}

func newKey(t *testing.T) *issuer.Key {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: registertest.StartTime().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer.Key{Signer: key, Chain: []*x509.Certificate{certificate}, Name: "Register"}
}

func newNode(t *testing.T, db *store.DB, key *issuer.Key) *node {
	t.Helper()
	n := &node{t: t, store: &watchedStore{DB: db, kept: make(chan string, 10)}, clock: registertest.NewClock()}
	n.Issuer = issuer.New(issuer.Config{
		Store: n.store, Key: key, Origin: origin, Now: n.clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	n.Registrar = implants.New(implants.Config{
		Store: n.Watch(db), Now: n.clock.Now, NewID: registertest.NewIDCounter("id-"), Location: time.UTC,
	})
	return n
}

func (n *node) caller(person ident.SSIN) platform.Caller {
	n.t.Helper()
	m := platform.SignedMessage{
		Correlation: "c", Operation: "Operation", ReceivedAt: n.clock.Now(), Signer: platform.Signer{Type: "SSIN", ID: person.Digits()},
		ReplayKey: platform.ReplayKey{ExpiresAt: n.clock.Now().Add(time.Minute)},
	}
	_, _ = rand.Read(m.ReplayKey.Hash[:])
	c, err := n.Identify(n.t.Context(), m, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func newImplantation() implants.Implantation {
	return implants.Implantation{
		Specialist: platform.ProfessionalRef{SSIN: people.Claes}, SurgeryDate: people.MustDate("2026-11-20"), Patient: people.Leroy,
		Prescriber: platform.ProfessionalRef{SSIN: people.Claes}, PrescriptionDate: people.MustDate("2026-11-02"),
		Implants: []implants.NotifiedImplant{{Code: people.Knee, Quantity: 2, Location: "left knee", Side: "Left"}},
	}
}

func (n *node) notify() implants.Receipt {
	n.t.Helper()
	return n.must(n.NotifyImplant(n.t.Context(), n.caller(people.Claes), implants.SubmissionOptions{}, newImplantation()))
}

func (n *node) must(receipt implants.Receipt, err error) implants.Receipt {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
	return receipt
}

func (n *node) revise(number ident.NotificationNumber, version int) {
	n.t.Helper()
	content := newImplantation()
	content.Implants[0].Quantity = 1
	n.must(n.ReviseNotification(n.t.Context(), n.caller(people.Claes), implants.ReviseRequest{
		Notification: implants.NotificationRef{Number: number}, Version: version, Implantation: &content,
	}))
}

// card returns what the patient gets: the card of a notification or, without a number, the patient card.
func (n *node) card(number ident.NotificationNumber) []byte {
	n.t.Helper()
	request := implants.CardRequest{Number: number}
	if number.IsZero() {
		request.Patient = people.Leroy
	}
	content, err := n.GetImplantCard(n.t.Context(), n.caller(people.Leroy), request)
	if err != nil {
		n.t.Fatal(err)
	}
	document, err := n.Issue(n.t.Context(), content)
	if err != nil {
		n.t.Fatal(err)
	}
	return document
}

func isSigned(document []byte) bool { return bytes.Contains(document, []byte("/ETSI.CAdES.detached")) }

// TestCardIsSignedOnce checks that the card of a version is signed in the background, and that every node hands out the
// same bytes for ever after, whatever the sources say by then and whatever was removed.
func TestCardIsSignedOnce(t *testing.T) {
	t.Parallel()
	backend := registertest.NewEmbedded(t)
	first, second := newNode(t, backend.Open(t), newKey(t)), newNode(t, backend.Open(t), newKey(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); first.Run(ctx) }()
	receipt := first.notify()
	if kept, want := <-first.store.kept, receipt.Reference+" 1"; kept != want {
		t.Errorf("signed %s, not %s", kept, want)
	}
	cancel()
	<-done
	card := first.card(receipt.Number)
	if !isSigned(card) {
		t.Error("the card has no signature")
	}
	first.clock.Set(first.clock.Now().Add(time.Hour))
	first.must(first.NotifyExplant(t.Context(), first.caller(people.Claes), implants.SubmissionOptions{}, implants.Explantation{
		Specialist: platform.ProfessionalRef{SSIN: people.Claes}, SurgeryDate: people.MustDate("2026-11-21"), Patient: people.Leroy,
		Explants: []implants.Explant{{ImplantID: receipt.AffectedImplants[0].ID, Quantity: 1}},
	}))
	err := first.store.LoadSources(t.Context(), implants.SourceEntries{
		Persons: []platform.Person{{SSIN: people.Leroy, FirstName: "Another", LastName: "Name"}}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.card(receipt.Number), card) || !bytes.Equal(second.card(receipt.Number), card) {
		t.Error("the card of a version has other bytes later, or on another node")
	}
	other := first.notify()
	card = second.card(other.Number)
	first.revise(other.Number, 1)
	if revised := second.card(other.Number); bytes.Equal(revised, card) || !isSigned(revised) {
		t.Error("a revised notification has the card of the former version, or none that is signed")
	}
}

// TestCardIsSignedAtFirstRequest checks that nobody waits for the background work, and that what a card shows does not
// depend on when it was first asked for.
func TestCardIsSignedAtFirstRequest(t *testing.T) {
	t.Parallel()
	backend := registertest.NewEmbedded(t)
	key := newKey(t)
	n := newNode(t, backend.Open(t), key)
	receipt := n.notify()
	n.clock.Set(n.clock.Now().Add(time.Hour))
	n.must(n.NotifyExplant(t.Context(), n.caller(people.Claes), implants.SubmissionOptions{}, implants.Explantation{
		Specialist: platform.ProfessionalRef{SSIN: people.Claes}, SurgeryDate: people.MustDate("2026-11-21"), Patient: people.Leroy,
		Explants: []implants.Explant{{ImplantID: receipt.AffectedImplants[0].ID, Quantity: 1}},
	}))
	late := n.card(receipt.Number)
	if !isSigned(late) || !bytes.Equal(n.card(receipt.Number), late) {
		t.Error("the card is not signed, or signed twice")
	}
	early := newNode(t, registertest.NewEmbedded(t).Open(t), key)
	if soon := early.card(early.notify().Number); len(soon) != len(late) {
		t.Errorf("a card of %d bytes before the explantation, and of %d after it", len(soon), len(late))
	}
}

// TestPatientCardIsKeptByState checks that a patient card is signed anew when it says something else, and only then.
func TestPatientCardIsKeptByState(t *testing.T) {
	t.Parallel()
	n := newNode(t, registertest.NewEmbedded(t).Open(t), newKey(t))
	receipt := n.notify()
	first := n.card(ident.NotificationNumber{})
	n.clock.Set(n.clock.Now().Add(time.Hour))
	if again := n.card(ident.NotificationNumber{}); !isSigned(first) || !bytes.Equal(again, first) {
		t.Error("the same patient card was signed twice, or not at all")
	}
	n.must(n.NotifyExplant(t.Context(), n.caller(people.Claes), implants.SubmissionOptions{}, implants.Explantation{
		Specialist: platform.ProfessionalRef{SSIN: people.Claes}, SurgeryDate: people.MustDate("2026-11-21"), Patient: people.Leroy,
		Explants: []implants.Explant{{ImplantID: receipt.AffectedImplants[0].ID, Quantity: 1}},
	}))
	if later := n.card(ident.NotificationNumber{}); bytes.Equal(later, first) {
		t.Error("a patient card does not show a removal")
	}
}

// TestCardWithoutKey checks that a service without a card key hands out unsigned cards, and keeps none.
func TestCardWithoutKey(t *testing.T) {
	t.Parallel()
	n := newNode(t, registertest.NewEmbedded(t).Open(t), nil)
	receipt := n.notify()
	if document := n.card(receipt.Number); isSigned(document) || !bytes.Equal(document, n.card(receipt.Number)) {
		t.Error("a card without a key is signed, or differs from itself")
	}
	if len(n.store.kept) > 0 {
		t.Error("an unsigned card was kept")
	}
}

// TestTokens follows a notification from its card to its withdrawal, and changes each letter of its token.
func TestTokens(t *testing.T) {
	t.Parallel()
	n := newNode(t, registertest.NewEmbedded(t).Open(t), nil)
	receipt := n.notify()
	tokenOf := func(version int) string {
		t.Helper()
		content := implants.CardContent{Number: receipt.Number, Version: version}
		address, err := n.VerificationAddress(t.Context(), &content)
		token, isBelow := strings.CutPrefix(address, origin+"/verify/")
		if err != nil || !isBelow {
			t.Fatalf("%s, %v", address, err)
		}
		return token
	}
	check := func(token string, want issuer.Standing) {
		t.Helper()
		n.store.reads = 0
		if got, err := n.VerifyToken(t.Context(), token); err != nil || got != want {
			t.Errorf("%s: %d, not %d, %v", token, got, want, err)
		}
		if n.store.reads != 1 {
			t.Errorf("%s: %d reads", token, n.store.reads)
		}
	}
	first := tokenOf(1)
	check(first, issuer.Current)
	check(strings.ToLower(first), issuer.Current)
	for i := range first {
		changed := []byte(first)
		if changed[i]++; changed[i] == 'Z'+1 {
			changed[i] = 'A'
		}
		check(string(changed), issuer.Unknown)
	}
	hash := first[strings.LastIndexByte(first, '-'):]
	for _, strange := range []string{"", "-", "--", receipt.Number.Digits(), receipt.Number.Digits() + "-01" + hash,
		receipt.Number.Digits() + "-+1" + hash, receipt.Number.Digits() + "-2" + hash, first + "=", first[1:], "style.css",
		strings.Repeat("A", 1<<16), "202611210000100-1-" + strings.Repeat("A", 16), "\x00\xff"} {
		check(strange, issuer.Unknown)
	}
	n.revise(receipt.Number, 1)
	check(first, issuer.Revised)
	check(tokenOf(2), issuer.Current)
	n.must(n.DiscardNotification(t.Context(), n.caller(people.Claes), implants.DiscardRequest{
		Notification: implants.NotificationRef{Number: receipt.Number}, Version: 2, Reason: "wrong patient",
	}))
	check(first, issuer.Withdrawn)
	check(tokenOf(2), issuer.Withdrawn)
}
