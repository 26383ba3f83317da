package store_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// thief has copies of the database and of the key file. It knows how the store seals, and shares no code with it: it
// tries every key on every stored value, without checking that the key is the right one.
type thief struct {
	ringKeys [][]byte // seal pseudonyms
	dataKeys map[string]bool
}

// stealKeys reads a key file.
func (h *thief) stealKeys(t testing.TB, b storetest.Backend) {
	t.Helper()
	var entries []struct {
		Secret []byte `json:"secret"`
	}
	data, err := os.ReadFile(keyFileOf(b))
	if err == nil {
		err = json.Unmarshal(data, &entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		key, err := hkdf.Key(sha256.New, entry.Secret, nil, "ctr subject seal", 32)
		if err != nil {
			t.Fatal(err)
		}
		h.ringKeys = append(h.ringKeys, key)
	}
}

func keyFileOf(b storetest.Backend) string {
	if b.Config.KeyFile != "" {
		return b.Config.KeyFile
	}
	return filepath.Join(b.Config.Directory, "keys.json")
}

// stealDataKeys opens the pseudonyms of a copy of the database.
func (h *thief) stealDataKeys(t testing.TB, values []any) {
	t.Helper()
	if h.dataKeys == nil {
		h.dataKeys = map[string]bool{}
	}
	for _, value := range values {
		sealed, _ := value.([]byte)
		if len(sealed) > 1000 {
			continue
		}
		for _, key := range h.ringKeys {
			plain := decryptUnchecked(t, key, sealed)
			if rest := plain[len(plain)/32*32:]; len(rest) == 0 || isSSIN(rest) {
				for chunk := range slices.Chunk(plain[:len(plain)/32*32], 32) {
					h.dataKeys[string(chunk)] = true
				}
			}
		}
	}
}

func isSSIN(digits []byte) bool {
	_, err := ident.ParseSSIN(string(digits))
	return err == nil
}

// decryptUnchecked decrypts AES-GCM (NIST SP 800-38D, section 7.2) without its tag.
func decryptUnchecked(t testing.TB, key, sealed []byte) []byte {
	t.Helper()
	const nonce, tag = 12, 16
	if len(sealed) < nonce+tag {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, len(sealed)-nonce-tag)
	counter := append(bytes.Clone(sealed[:nonce]), 0, 0, 0, 2)
	cipher.NewCTR(block, counter).XORKeyStream(plain, sealed[nonce:len(sealed)-tag])
	return plain
}

// read returns those of the texts that the thief can read in a copy of the database.
func (h *thief) read(t testing.TB, values []any, texts []string) (found []string) {
	t.Helper()
	look := func(data []byte) {
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				found = append(found, text)
			}
		}
	}
	for _, value := range values {
		sealed, isBytes := value.([]byte)
		look(fmt.Append(nil, value))
		if !isBytes {
			continue
		}
		look(sealed)
		for key := range h.dataKeys {
			plain := decryptUnchecked(t, []byte(key), sealed)
			look(plain)
			inflated, _ := io.ReadAll(flate.NewReader(bytes.NewReader(plain))) // most texts are not compressed
			look(inflated)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// copyDatabase returns every value of every table.
func copyDatabase(t testing.TB, b storetest.Backend) (all []any) {
	t.Helper()
	raw := b.OpenRaw(t)
	names := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if b.Config.URL != "" {
		names = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	for _, name := range queryValues(t, raw, names) {
		all = append(all, queryValues(t, raw, fmt.Sprintf(`SELECT * FROM %s`, name))...)
	}
	return all
}

func queryValues(t testing.TB, raw *sql.DB, query string) (all []any) {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, destinations := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			destinations[i] = &row[i]
		}
		if err := rows.Scan(destinations...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// textsOf returns the sealed texts of a version that storeVersions stored, but for the audit log.
func textsOf(n implants.Notification) []string {
	texts := []string{"message of " + n.Reference, "card of " + n.Reference, n.InputReference}
	for _, text := range []string{n.Comment, n.ChangeReason} {
		if text != "" {
			texts = append(texts, text)
		}
	}
	for _, i := range n.Implants {
		texts = append(texts, i.Location)
	}
	for _, r := range n.Removals {
		texts = append(texts, r.Reason)
	}
	return texts
}

// TestFindingM1RotationShutsOutOldKeys lets a thief take the key file and a copy of the database, then rotates the keys,
// and checks that nothing that is stored afterwards can be read with what was taken, and after resealing nothing at all
// but the texts of the audit log.
func TestFindingM1RotationShutsOutOldKeys(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db, other := b.Open(t), b.Open(t)
		fillPersons(t, db)
		if _, err := readPersons(t, other); err != nil { // fills the cache of the other node
			t.Fatal(err)
		}
		former := []string{"comment of first", "place of second", "message of third", "message of draft", "Claesfixture",
			"EPD 69092234126 first"}
		h := &thief{}
		h.stealKeys(t, b)
		taken := copyDatabase(t, b)
		h.stealDataKeys(t, taken)
		if got := h.read(t, taken, former); len(got) != len(former) {
			t.Fatalf("the thief reads %q only, so that this test proves nothing", got)
		}
		keys := queryTexts(t, b.OpenRaw(t), `SELECT id FROM sealing_key`)
		for round := range 2 {
			rotateAll(t, db)
			added := storeNewTexts(t, []*store.DB{db, other}[round], round)
			if got := h.read(t, copyDatabase(t, b), added); len(got) > 0 {
				t.Errorf("round %d: the thief reads %q", round, got)
			}
			former = append(former, added...)
		}
		if err := db.RetireKey(t.Context(), keys[0]); err != nil {
			t.Fatal(err)
		}
		t.Run("the new database without its key file gives up no keys", func(t *testing.T) {
			fresh := &thief{ringKeys: h.ringKeys}
			fresh.stealDataKeys(t, copyDatabase(t, b))
			if got := fresh.read(t, copyDatabase(t, b), former); len(got) > 0 {
				t.Errorf("%q", got)
			}
		})
		t.Run("the texts from before are resealed", func(t *testing.T) { checkResealing(t, b, h, former) })
	})
}

// storeNewTexts stores texts about the persons who were there, about new ones, and about nobody, and returns them.
func storeNewTexts(t testing.TB, db *store.DB, round int) (texts []string) {
	t.Helper()
	at := func(name string) string { return fmt.Sprintf("%s-%d", name, round) }
	n := uint64(20 + 10*round)
	draft := newVersionOf(at("new draft"), n+3, people.Dubois, ident.SSIN{}, people.Claes, "NIHII-HOSPITAL=71000436")
	draft.Number, draft.State, draft.Implants = ident.NotificationNumber{}, implants.Draft, nil
	removal := newVersionOf(at("removal"), n+4, people.Claes, people.Leroy, people.Claes, "NIHII-HOSPITAL=71000436")
	removal.Type, removal.Implants, removal.ChangeReason = implants.TypeExplantation, nil, at("a reason to change")
	removal.Removals = []implants.Removal{{ImplantID: "second-1", Quantity: 1, Reason: at("loosened")}}
	all := []implants.Notification{
		newVersionOf(at("known patient"), n, people.Claes, people.Leroy, people.Claes, "SSIN="+people.Claes.Digits()),
		newVersionOf(at("known doctor"), n+1, people.Dubois, people.Claes, people.Dubois, "SSIN="+people.Dubois.Digits()),
		newVersionOf(at("new patient"), n+2, people.Dubois, []ident.SSIN{people.VanDam, people.Nguyen}[round],
			people.Dubois, "NIHII-HOSPITAL=71000436"),
		draft, removal,
	}
	storeVersions(t, db, all...)
	for i := range all {
		texts = append(append(texts, textsOf(all[i])...), "emergency of "+all[i].Reference)
	}
	name := at("Renamed")
	err := db.LoadSources(t.Context(), implants.SourceEntries{Persons: []platform.Person{
		{SSIN: people.Claes, FirstName: "K", LastName: name}}})
	if err != nil {
		t.Fatal(err)
	}
	return append(texts, name)
}

func checkResealing(t *testing.T, b storetest.Backend, h *thief, former []string) {
	t.Helper()
	db := b.Open(t)
	before, err := readPersons(t, db)
	if err != nil {
		t.Fatal(err)
	}
	sealedBefore := h.readable(t, copyDatabase(t, b), former)
	n, err := db.ResealTexts(t.Context())
	if err != nil || n < 10 {
		t.Fatalf("%d resealed, %v", n, err)
	}
	if again, againErr := db.ResealTexts(t.Context()); againErr != nil || again != 0 {
		t.Errorf("%d resealed again, %v", again, againErr)
	}
	if got := h.read(t, copyDatabase(t, b), former); len(got) > 0 {
		t.Errorf("the thief reads %q", got)
	}
	if got := h.read(t, copyDatabase(t, b), []string{"emergency of first"}); len(got) != 1 {
		t.Error("the audit log was changed")
	}
	if after, afterErr := readPersons(t, b.Open(t)); afterErr != nil || after != before {
		t.Errorf("%v\n%s\n%s", afterErr, before, after)
	}
	if n := queryNumber(t, b.OpenRaw(t), `SELECT COUNT(*) FROM resealing`); n != 0 {
		t.Errorf("%d marks are left", n)
	}
	if b.Config.URL != "" {
		return // PostgreSQL keeps what was replaced until a vacuum
	}
	execRaw(t, b.OpenRaw(t), `PRAGMA wal_checkpoint(TRUNCATE)`)
	file, err := os.ReadFile(filepath.Join(b.Config.Directory, "ctr.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sealed := range sealedBefore {
		if bytes.Contains(file, sealed) {
			t.Errorf("%d bytes that a former key opens are left in the file", len(sealed))
		}
	}
}

// readable returns the values that the thief can read and that have one of the texts.
func (h *thief) readable(t testing.TB, values []any, texts []string) (found [][]byte) {
	t.Helper()
	for _, value := range values {
		if sealed, isBytes := value.([]byte); isBytes && len(h.read(t, []any{value}, texts)) > 0 {
			found = append(found, sealed)
		}
	}
	return found
}

func queryTexts(t testing.TB, raw *sql.DB, query string) (all []string) {
	t.Helper()
	for _, value := range queryValues(t, raw, query) {
		if data, isBytes := value.([]byte); isBytes {
			value = string(data)
		}
		all = append(all, fmt.Sprint(value))
	}
	return all
}
