package storetest

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
)

// testCards checks that the first card that is kept is the one that every node hands out, sealed with the patient's key,
// before and after a rotation of the keys.
func testCards(t *testing.T, b Backend) {
	db, other := b.Open(t), b.Open(t)
	n := newImplantation(t, 1)
	revised := nextVersion(n, implants.Final, implants.ChangeRevised, "")
	keepAll(t, db, n, revised)
	const secret = "says who the patient is"
	keep := func(on *store.DB, version int, state, document string) string {
		t.Helper()
		kept, err := on.KeepCard(t.Context(), n.Reference, version, state, []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		return string(kept)
	}
	check := func(name string, version int, state, want string) {
		t.Helper()
		kept, found, err := other.KeptCard(t.Context(), n.Reference, version, state)
		checkValue(t, name, string(kept), want, err)
		checkEqual(t, name+" found", found, want != "")
	}
	check("none yet", 1, "", "")
	check("no patient card yet", 1, "state", "")
	checkEqual(t, "first", keep(db, 1, "", "first "+secret), "first "+secret)
	checkEqual(t, "second", keep(other, 1, "", "second "+secret), "first "+secret)
	checkEqual(t, "of another version", keep(db, 2, "", "revised"), "revised")
	checkEqual(t, "patient card", keep(db, 2, leroy.Digits(), "patient card"), "patient card")
	checkEqual(t, "patient card in another state", keep(db, 2, "later", strings.Repeat("long ", 99999)), strings.Repeat("long ", 99999))
	if _, err := db.KeepCard(t.Context(), "unknown", 1, "", []byte("card")); err == nil {
		t.Error("kept the card of a version that is missing")
	}
	checkNoPlaintext(t, b, []string{secret, leroy.Digits()})
	if _, err := db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if resealed, err := db.ResealTexts(t.Context()); err != nil || resealed < 4 {
		t.Errorf("%d resealed, %v", resealed, err)
	}
	check("after a rotation", 1, "", "first "+secret)
	check("patient card after a rotation", 2, leroy.Digits(), "patient card")
	checkEqual(t, "kept again after a rotation", keep(db, 2, leroy.Digits(), "another"), "patient card")
	third := nextVersion(revised, implants.Final, implants.ChangeRevised, "")
	keepAll(t, db, third)
	if _, err := b.OpenRaw(t).ExecContext(t.Context(), `INSERT INTO card (reference, version, state, document)
		SELECT reference, 3, state, document FROM card WHERE version = 1`); err != nil {
		t.Fatal(err)
	}
	if copied, _, err := db.KeptCard(t.Context(), n.Reference, 3, ""); err == nil {
		t.Errorf("a card that was copied to another version opens: %q", copied)
	}
	strays, err := db.StrayRows(t.Context())
	checkValue(t, "strays", len(strays), 0, err)
}

// testCardRace lets two nodes keep cards of the same version at the same time: both hand the same one out.
func testCardRace(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	for round := range uint64(5) {
		n := newImplantation(t, round+1)
		keepAll(t, nodes[0], n)
		var group sync.WaitGroup
		var kept [8][]byte
		for i := range kept {
			group.Go(func() {
				var err error
				document := []byte{byte('a' + i)}
				if kept[i], err = nodes[i%2].KeepCard(t.Context(), n.Reference, n.Version, "", document); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for i := range kept {
			if len(kept[i]) != 1 || !bytes.Equal(kept[i], kept[0]) {
				t.Errorf("node %d hands out %q, not %q", i%2, kept[i], kept[0])
			}
		}
	}
}

// testCardVerification checks what a verification asks for: the key of the tokens, which every node has and no other
// register, and the current version of a notification.
func testCardVerification(t *testing.T, b Backend) {
	db, other := b.Open(t), b.Open(t)
	secret, err := db.CardTokenKey(t.Context())
	checkValue(t, "bytes of the key", len(secret), 32, err)
	again, err := other.CardTokenKey(t.Context())
	checkValue(t, "key on another node", again, secret, err)
	check := func(name string, number ident.NotificationNumber, wantVersion int, wantState implants.State) {
		t.Helper()
		version, state, err := db.CurrentVersion(t.Context(), number)
		checkValue(t, name, version, wantVersion, err)
		checkEqual(t, name+", state", state, wantState)
	}
	n := newImplantation(t, 1)
	check("unknown", n.Number, 0, "")
	draft := newDraft(t, 2)
	keepAll(t, db, n, draft)
	check("final", n.Number, 1, implants.Final)
	check("no number", ident.NotificationNumber{}, 0, "")
	n = nextVersion(n, implants.Final, implants.ChangeRevised, "")
	keepAll(t, db, n)
	check("revised", n.Number, 2, implants.Final)
	keepAll(t, db, nextVersion(n, implants.Withdrawn, implants.ChangeWithdrawn, ""))
	check("withdrawn", n.Number, 3, implants.Withdrawn)
}

// testMissedMigration checks that a migration is applied although a younger one was applied before it.
func testMissedMigration(t *testing.T, b Backend) {
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	raw := b.OpenRaw(t)
	for _, statement := range []string{`DROP TABLE card`, `DROP TABLE card_token_key`,
		`DELETE FROM goose_db_version WHERE version_id = 7`} {
		if _, err = raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := b.Open(t).CardTokenKey(t.Context())
	checkValue(t, "bytes of the key", len(secret), 32, err)
}
