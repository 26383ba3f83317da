package store_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
)

// tamperings returns ways to tamper with an audit log of three checkpoints over three rows each.
func tamperings() []tampering {
	return []tampering{
		{"a row deleted", []string{`DELETE FROM audit WHERE seq = 5`}, []auditlog.FindingKind{auditlog.RowsDeleted},
			"between checkpoint 1 of 2026-11-22T09:00:01.000000Z (row 3) and checkpoint 2 of 2026-11-22T09:00:02.000000Z (row 6): at least 1 rows were deleted"},
		{"the first row deleted", []string{`DELETE FROM audit WHERE seq = 1`}, []auditlog.FindingKind{auditlog.RowsDeleted}, "up to checkpoint 1"},
		{"two rows exchanged", []string{`UPDATE audit SET seq = 1000 WHERE seq = 4`, `UPDATE audit SET seq = 4 WHERE seq = 5`,
			`UPDATE audit SET seq = 5 WHERE seq = 1000`}, []auditlog.FindingKind{auditlog.RowsChanged}, "a row was changed or rows were exchanged"},
		{"rows exchanged across checkpoints", []string{`UPDATE audit SET seq = 1000 WHERE seq = 2`, `UPDATE audit SET seq = 2 WHERE seq = 8`,
			`UPDATE audit SET seq = 8 WHERE seq = 1000`}, []auditlog.FindingKind{auditlog.RowsChanged}, "up to checkpoint 1"},
		{"a row changed", []string{`UPDATE audit SET outcome = 'withheld' WHERE seq = 4`}, []auditlog.FindingKind{auditlog.RowsChanged}, "between checkpoint 1"},
		{"a row inserted", []string{`INSERT INTO audit SELECT -7, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, ` +
			`person, capacity, patient, number, body_digest, version_digest FROM audit WHERE seq = 2`}, []auditlog.FindingKind{auditlog.RowsInserted}, "at least 1 rows were inserted"},
		{"the tail of the rows cut off", []string{`DELETE FROM audit WHERE seq > 7`}, []auditlog.FindingKind{auditlog.RowsDeleted}, "between checkpoint 2"},
		{"the tail of both cut off", []string{`DELETE FROM audit WHERE seq > 6`, `DELETE FROM audit_checkpoint WHERE number > 2`},
			[]auditlog.FindingKind{auditlog.TailTruncated}, "1 checkpoints that the table has not, from checkpoint 3 of"},
		{"all cut off", []string{`DELETE FROM audit`, `DELETE FROM audit_checkpoint`}, []auditlog.FindingKind{auditlog.TailTruncated}, "3 checkpoints"},
		{"a checkpoint deleted", []string{`DELETE FROM audit_checkpoint WHERE number = 2`}, []auditlog.FindingKind{auditlog.CheckpointMissing, auditlog.TailTruncated}, "checkpoint 2: deleted"},
		{"a checkpoint changed", []string{`UPDATE audit_checkpoint SET row_count = 7 WHERE number = 2`},
			[]auditlog.FindingKind{auditlog.AnchorDiffers, auditlog.CheckpointChanged}, "checkpoint 2 of 2026-11-22T09:00:02.000000Z is not as it was signed"},
		{"a checkpoint from elsewhere in its place", []string{`DELETE FROM audit_checkpoint WHERE number = 2`,
			`UPDATE audit_checkpoint SET number = 2 WHERE number = 3`}, []auditlog.FindingKind{auditlog.AnchorDiffers, auditlog.CheckpointChanged, auditlog.TailTruncated}, "checkpoint 2"},
	}
}

type tampering struct {
	name       string
	statements []string
	kinds      []auditlog.FindingKind
	text       string // part of the first finding's text
}

func (test tampering) runCase(t *testing.T, s *auditFixture) {
	t.Helper()
	for range 3 {
		s.recordEvents(t, 3)
		s.sealAndAnchor(t, 1)
	}
	s.tamperWith(t, test.statements...)
	report := s.verifyAudit(t)
	expectFindings(t, report, test.kinds...)
	if len(report.Findings) > 0 && !strings.Contains(report.Findings[0].Text, test.text) {
		t.Errorf("%q", report.Findings[0].Text)
	}
}

// insertCheckpoint inserts a checkpoint into the table without the store.
func (s *auditFixture) insertCheckpoint(t *testing.T, c auditlog.Checkpoint) {
	t.Helper()
	hex := func(data []byte) string {
		if s.backend.Config.URL != "" {
			return fmt.Sprintf(`decode('%x', 'hex')`, data)
		}
		return fmt.Sprintf(`x'%x'`, data)
	}
	s.tamperWith(t, fmt.Sprintf(`INSERT INTO audit_checkpoint VALUES (%d, %d, %d, %s, '%s', '%s', %s, %s, %s, %s)`, c.Number, c.LastSeq, c.RowCount, hex(c.Head[:]),
		c.SealedAt.Format(auditlog.TimestampLayout), c.KeyID, hex(c.PublicKey), hex(c.PreviousLink[:]), hex(c.Handover), hex(c.Signature)))
}

// testForgedCheckpointIsFound simulates an attacker who has write access to the database but none of its keys: they
// change rows and make new checkpoints over them with their own key.
func testForgedCheckpointIsFound(t *testing.T, s *auditFixture) {
	t.Helper()
	for range 3 {
		s.recordEvents(t, 2)
		s.sealAndAnchor(t, 1)
	}
	s.tamperWith(t, `UPDATE audit SET reason = 'mandate' WHERE seq = 6`, `DELETE FROM audit_checkpoint WHERE number = 3`)
	_, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	checkpoints, err := s.db.AuditCheckpoints(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.db.AuditRows(t.Context(), 4, 10)
	if err != nil {
		t.Fatal(err)
	}
	head := checkpoints[1].Head
	for _, row := range rows {
		head = head.Next(row.Hash)
	}
	forged := auditlog.SealCheckpoint(&checkpoints[1], 6, 6, head, s.now, auditlog.SigningKey{KeyID: checkpoints[1].KeyID, PrivateKey: own}, &auditlog.SigningKey{KeyID: "own", PrivateKey: own})
	s.insertCheckpoint(t, forged)
	expectFindings(t, s.verifyAudit(t), auditlog.CheckpointForeign, auditlog.AnchorDiffers)

	// The attacker replaces all checkpoints, so that no key of the register is left, and the anchor file.
	s.tamperWith(t, `DELETE FROM audit_checkpoint`)
	forged = auditlog.SealCheckpoint(nil, 4, 4, checkpoints[1].Head, s.now, auditlog.SigningKey{KeyID: checkpoints[1].KeyID, PrivateKey: own}, nil)
	s.insertCheckpoint(t, forged)
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	s.openAnchor(t)
	if err := s.anchor.Append(forged); err != nil {
		t.Fatal(err)
	}
	expectFindings(t, s.verifyAudit(t), auditlog.CheckpointForeign)
}

// testAnyBitIsFound flips random bits in every column of both tables and in the anchor file, and checks that each is
// found.
func testAnyBitIsFound(t *testing.T, s *auditFixture) {
	t.Helper()
	for range 4 {
		s.recordEvents(t, 4)
		s.sealAndAnchor(t, 1)
	}
	s.tamperWith(t)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	flips := 0
	for _, table := range []struct{ name, key, columns string }{
		{"audit", "seq", "seq at correlation operation outcome codes reason emergency signer organisation person capacity patient number"},
		{"audit_checkpoint", "number", "number seq_to row_count head at key_id public_key previous signature"},
	} {
		for _, column := range strings.Fields(table.columns) {
			for range 2 {
				flips += s.flipAndVerify(t, random, table.name, table.key, column)
			}
		}
	}
	if flips < 35 {
		t.Errorf("only %d bits were flipped", flips)
	}
	expectFindings(t, s.verifyAudit(t))

	whole, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		flipped := bytes.Clone(whole)
		// Not in the last newline: without it, the line counts as left by a crash.
		bit := random.IntN(8 * (len(flipped) - 1))
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(s.file, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if report := s.verifyAudit(t); len(report.Findings) == 0 {
			t.Errorf("bit %d of the anchor file", bit)
		}
	}
}

// flipAndVerify flips one bit, checks that verification finds it, and restores it. It returns 0 when the column is
// empty.
func (s *auditFixture) flipAndVerify(t *testing.T, random *mathrand.Rand, table, key, column string) int {
	t.Helper()
	row := int64(1 + random.IntN(16))
	if table == "audit_checkpoint" {
		row = int64(1 + random.IntN(4))
	}
	var before any
	get := fmt.Sprintf(`SELECT %s FROM %s WHERE %s = %d`, column, table, key, row)
	if err := s.raw.QueryRowContext(t.Context(), get).Scan(&before); err != nil {
		t.Fatalf("%s: %v", get, err)
	}
	binary := slices.Contains([]string{"emergency", "head", "public_key", "previous", "signature"}, column)
	var after any
	switch v := before.(type) {
	case int64:
		after = v ^ 1<<(5+random.IntN(40)) // there is no such row yet
	case time.Time:
		after = v.Add(time.Microsecond << random.IntN(30))
	case string:
		after = flipText([]byte(v), random)
	case []byte:
		if after = any(flipText(v, random)); binary {
			after = flipByte(v, random)
		}
	}
	if text, ok := after.(string); ok && text == "" {
		return 0
	}
	if data, ok := after.([]byte); ok && len(data) == 0 {
		return 0
	}
	where := row
	if column == key {
		where, _ = after.(int64)
	}
	s.setColumn(t, table, column, key, row, after)
	if report := s.verifyAudit(t); len(report.Findings) == 0 {
		t.Errorf("%s.%s of row %d: %v became %v", table, column, row, before, after)
	}
	s.setColumn(t, table, column, key, where, before)
	return 1
}

func (s *auditFixture) setColumn(t *testing.T, table, column, key string, row int64, value any) {
	t.Helper()
	update := fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s = %d`, table, column, key, row)
	if s.backend.Config.URL != "" {
		update = strings.Replace(update, "?", "$1", 1)
		if text, ok := value.([]byte); ok && !slices.Contains([]string{"emergency", "head", "public_key", "previous", "signature"}, column) {
			value = string(text)
		}
	}
	if _, err := s.raw.ExecContext(t.Context(), update, value); err != nil {
		t.Fatalf("%s: %v", update, err)
	}
}

func flipText(text []byte, random *mathrand.Rand) string {
	return string(flipByteBit(text, random, 4))
}

func flipByte(data []byte, random *mathrand.Rand) []byte { return flipByteBit(data, random, 8) }

// flipByteBit flips one of the low bits of a random byte. Flipping one of the lowest four keeps ASCII text valid.
func flipByteBit(data []byte, random *mathrand.Rand, bits int) []byte {
	flipped := bytes.Clone(data)
	if len(flipped) > 0 {
		flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(bits)
	}
	return flipped
}
