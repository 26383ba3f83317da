package auditlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
)

// The expected values come from an independent program, ten lines of Python written from docs/audit.md.
func TestHashOfRow(t *testing.T) {
	columns := []string{"1", "2026-11-22T09:00:00.123456Z", "c-1", "Search", "refused", "ONE\nTWO", "", "\x00\xff", "SSIN=#1", "71000436", "1", "doctor", "2", ""}
	octets := make([][]byte, len(columns))
	for i, column := range columns {
		octets[i] = []byte(column)
	}
	row := auditlog.HashRow(octets...)
	if got := hex.EncodeToString(row[:]); got != "ac66d01b2513f06cfb098aa6f4b370431385e671efb10e8671d787f988fc5f0b" {
		t.Errorf("row: %s", got)
	}
	head := auditlog.Hash{}.Next(row)
	if got := hex.EncodeToString(head[:]); got != "dfc9fade92fc4d62fbaeedaed8223d284cbacd755e4270c8af87652009e177fe" {
		t.Errorf("head: %s", got)
	}
}

func newSigningKey(n byte) auditlog.SigningKey {
	return auditlog.SigningKey{KeyID: fmt.Sprint("key-", n), PrivateKey: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))}
}

var sealedAt = time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.UTC)

// memoryLog is an audit log in memory.
type memoryLog struct {
	rows        []auditlog.Row
	checkpoints []auditlog.Checkpoint
}

func (m *memoryLog) AuditRows(_ context.Context, after int64, limit int) ([]auditlog.Row, error) {
	return selectPage(m.rows, limit, func(r auditlog.Row) bool { return r.Seq > after }), nil
}

func (m *memoryLog) AuditCheckpoints(_ context.Context, after int64, limit int) ([]auditlog.Checkpoint, error) {
	return selectPage(m.checkpoints, limit, func(c auditlog.Checkpoint) bool { return c.Number > after }), nil
}

func selectPage[T any](all []T, limit int, after func(T) bool) []T {
	var found []T
	for _, one := range all {
		if after(one) && len(found) < limit {
			found = append(found, one)
		}
	}
	return found
}

// sealRows seals the unsealed rows.
func (m *memoryLog) sealRows(current auditlog.SigningKey, former *auditlog.SigningKey) {
	var before *auditlog.Checkpoint
	head, rows := auditlog.Hash{}, int64(0)
	if n := len(m.checkpoints); n > 0 {
		before = &m.checkpoints[n-1]
		head, rows = before.Head, before.RowCount
	}
	for _, row := range m.rows[rows:] {
		head = head.Next(row.Hash)
		rows++
	}
	m.checkpoints = append(m.checkpoints, auditlog.SealCheckpoint(before, m.rows[rows-1].Seq, rows, head, sealedAt, current, former))
}

func newFilledLog(n int) *memoryLog {
	m := &memoryLog{}
	for i := range n {
		m.rows = append(m.rows, auditlog.Row{Seq: int64(i + 1), Hash: auditlog.HashRow(fmt.Append(nil, i))})
	}
	return m
}

// A verifier that trusts one key follows handovers forward, and the last checkpoint vouches for those before it.
func TestTrust(t *testing.T) {
	one, two, three := newSigningKey(1), newSigningKey(2), newSigningKey(3)
	m := newFilledLog(3)
	m.sealRows(one, nil)
	m.sealRows(two, &one)
	m.sealRows(three, nil) // two did not hand over
	for name, test := range map[string]struct {
		trusted []ed25519.PublicKey
		ok      bool
	}{
		"the last":             {[]ed25519.PublicKey{three.PublicKey()}, true},
		"all":                  {[]ed25519.PublicKey{one.PublicKey(), two.PublicKey(), three.PublicKey()}, true},
		"the first":            {[]ed25519.PublicKey{one.PublicKey()}, false},
		"the one before":       {[]ed25519.PublicKey{two.PublicKey()}, false},
		"another":              {[]ed25519.PublicKey{newSigningKey(4).PublicKey()}, false},
		"nobody":               {nil, false},
		"not even a whole key": {[]ed25519.PublicKey{{1}}, false},
	} {
		report, err := auditlog.Verify(t.Context(), m, test.trusted, nil)
		if err != nil {
			t.Fatal(err)
		}
		foreign := 0
		for _, finding := range report.Findings {
			if finding.Kind == auditlog.CheckpointForeign {
				foreign++
			}
		}
		if (foreign == 0) != test.ok {
			t.Errorf("%s: %+v", name, report.Findings)
		}
	}
}

func TestReportIsBounded(t *testing.T) {
	m := newFilledLog(500)
	for i := range m.rows {
		short := &memoryLog{rows: m.rows[:i+1], checkpoints: m.checkpoints}
		short.sealRows(newSigningKey(1), nil)
		m.checkpoints = short.checkpoints
	}
	for i := range m.rows {
		m.rows[i].Hash[0] ^= 1
	}
	report, err := auditlog.Verify(t.Context(), m, []ed25519.PublicKey{newSigningKey(1).PublicKey()}, nil)
	if err != nil || len(report.Findings) != 100 || report.OmittedFindings != 401 { // and no anchor file
		t.Errorf("%d and %d, %v", len(report.Findings), report.OmittedFindings, err)
	}
	if text := report.Text(time.Second); !strings.Contains(text, "and 401 findings more") || !strings.Contains(text, "rows per second: 500\n") {
		t.Error(text)
	}
}

func TestProof(t *testing.T) {
	m := newFilledLog(5)
	m.sealRows(newSigningKey(1), nil)
	p := auditlog.Proof{Columns: [][]byte{[]byte("2")}, Checkpoint: m.checkpoints[0]}
	for _, row := range m.rows {
		p.RowHashes = append(p.RowHashes, row.Hash)
	}
	if !p.IsValid() {
		t.Error("does not hold")
	}
	for name, change := range map[string]func(*auditlog.Proof){
		"another row":        func(p *auditlog.Proof) { p.Columns = [][]byte{[]byte("9")} },
		"a row left out":     func(p *auditlog.Proof) { p.RowHashes = p.RowHashes[1:] },
		"another head":       func(p *auditlog.Proof) { p.PreviousHead[5]++ },
		"another checkpoint": func(p *auditlog.Proof) { p.Checkpoint.RowCount++ },
	} {
		changed := p
		change(&changed)
		if changed.IsValid() {
			t.Errorf("%s: holds", name)
		}
	}
}

func TestSignerTellsNothing(t *testing.T) {
	s := newSigningKey(1)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, s); text != "signing key key-1" {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func TestAnchorGoesOn(t *testing.T) {
	m := newFilledLog(3)
	m.sealRows(newSigningKey(1), nil)
	file := filepath.Join(t.TempDir(), "new", "anchor")
	open := func() *auditlog.Anchor {
		t.Helper()
		a, err := auditlog.OpenAnchor(file)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	if err := a.CheckAgainst(t.Context(), m); err != nil {
		t.Error(err)
	}
	if err := a.AppendMissing(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	if err := open().CheckAgainst(t.Context(), m); err != nil {
		t.Error(err)
	}
	if err := open().CheckAgainst(t.Context(), &memoryLog{}); !errors.Is(err, auditlog.ErrTruncated) {
		t.Errorf("an empty database: %v", err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{"{", strings.Repeat("x", 100_000)} {
		if err := os.WriteFile(file, append(bytes.Clone(before), torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		beside, err := auditlog.OpenSharedAnchor(file)
		if err != nil {
			t.Fatal(err)
		}
		longer := &memoryLog{rows: m.rows, checkpoints: append(slices.Clone(m.checkpoints), auditlog.SealCheckpoint(&m.checkpoints[0], 3, 3, m.checkpoints[0].Head, sealedAt, newSigningKey(1), nil))}
		if err := beside.AppendMissing(t.Context(), longer, longer.checkpoints[1:]); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(file); err != nil || len(now) != len(before)+len(torn) {
			t.Errorf("half a line was gone on from: %s, %v", now, err)
		}
		if err := open().AppendMissing(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := auditlog.OpenAnchor(t.TempDir()); err == nil {
		t.Error("a folder is no anchor file")
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	m := newFilledLog(1)
	m.sealRows(newSigningKey(1), nil)
	good, err := json.Marshal(m.checkpoints[0])
	if err != nil {
		t.Fatal(err)
	}
	if c, err := auditlog.ParseCheckpoint(good); err != nil || c.Link() != m.checkpoints[0].Link() {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, text := range []string{"", "{}", "null", string(good) + " ", " " + string(good), strings.Replace(string(good), `"head":"`, `"head":"0`, 1),
		strings.Replace(string(good), "2026", "20269", 1), strings.Replace(string(good), `"number"`, `"Number"`, 1), strings.Replace(string(good), "{", `{"more":1,`, 1)} {
		if _, err := auditlog.ParseCheckpoint([]byte(text)); err == nil {
			t.Errorf("accepted %s", text)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	m := newFilledLog(1)
	m.sealRows(newSigningKey(1), nil)
	good, err := json.Marshal(m.checkpoints[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := auditlog.ParseCheckpoint(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	})
}

// A row that was inserted later with an earlier time, or has a time in the future, is a finding, sealed or not.
func TestFindingM5BackdatedRows(t *testing.T) {
	at := func(d time.Duration) string { return sealedAt.Add(d).Format(auditlog.TimestampLayout) }
	for name, test := range map[string]struct {
		second, unsealed string
		want             []auditlog.FindingKind
	}{
		"in time":               {at(time.Second), at(2 * time.Second), nil},
		"within the clocks":     {at(-59 * time.Second), at(-time.Minute), nil},
		"years earlier":         {at(-20_000 * time.Hour), at(0), []auditlog.FindingKind{auditlog.RowsBackdated}},
		"a little earlier":      {at(-61 * time.Second), at(0), []auditlog.FindingKind{auditlog.RowsBackdated}},
		"in the future":         {at(62 * time.Second), at(0), []auditlog.FindingKind{auditlog.RowsBackdated}},
		"not sealed":            {at(0), at(-time.Hour), []auditlog.FindingKind{auditlog.RowsBackdated}},
		"two rows":              {at(-time.Hour), at(-time.Hour), []auditlog.FindingKind{auditlog.RowsBackdated, auditlog.RowsBackdated}},
		"no time, told by hash": {"", at(0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFilledLog(1)
			m.rows[0].Timestamp = at(-time.Second)
			m.sealRows(newSigningKey(1), nil)
			m.rows = append(m.rows, auditlog.Row{Seq: 2, Timestamp: test.second, Hash: auditlog.HashRow([]byte("two"))})
			m.sealRows(newSigningKey(1), nil)
			m.rows = append(m.rows, auditlog.Row{Seq: 3, Timestamp: test.unsealed, Hash: auditlog.HashRow([]byte("three"))})
			report, err := auditlog.Verify(t.Context(), m, []ed25519.PublicKey{newSigningKey(1).PublicKey()}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []auditlog.FindingKind
			for _, f := range report.Findings {
				if f.Kind != auditlog.AnchorMissing {
					kinds = append(kinds, f.Kind)
				}
			}
			if !slices.Equal(kinds, test.want) {
				t.Errorf("%+v", report.Findings)
			}
		})
	}
}

// The cost of the journal for each event: a map entry and a line, and its part of a write.
func BenchmarkJournal(b *testing.B) {
	j, err := auditlog.OpenJournal(filepath.Join(b.TempDir(), auditlog.JournalFileName))
	if err != nil {
		b.Fatal(err)
	}
	if err = j.Begin(0); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var jobs sync.WaitGroup
	jobs.Go(func() { j.Run(ctx, func(err error) { b.Error(err) }) })
	n := 0
	for b.Loop() {
		n++
		j.Add(auditlog.JournalEntry{Correlation: strconv.Itoa(n), Content: auditlog.HashRow([]byte(strconv.Itoa(n)))})
	}
	cancel()
	jobs.Wait()
}
