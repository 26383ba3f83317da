package countersign_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/message/timestamp"
	"github.com/openctr/ctr/internal/testing/testtsa"
)

// log is an audit log of checkpoints alone.
type log []auditlog.Checkpoint

func (log) AuditRows(context.Context, int64, int) ([]auditlog.Row, error) { return nil, nil }

func (l log) AuditCheckpoints(_ context.Context, after int64, limit int) ([]auditlog.Checkpoint, error) {
	if after >= int64(len(l)) {
		return nil, nil
	}
	return l[after:min(int(after)+limit, len(l))], nil
}

func now() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }

// newLog returns a log of three checkpoints, of which head changes the last.
func newLog(t *testing.T, head byte, at time.Time) log {
	t.Helper()
	key := auditlog.SigningKey{KeyID: "k", PrivateKey: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}
	var all log
	for i := range 3 {
		var before *auditlog.Checkpoint
		if i > 0 {
			before = &all[i-1]
		}
		all = append(all, auditlog.SealCheckpoint(before, int64(10*i+10), int64(10*i+10), auditlog.Hash{head, byte(i)}, at, key, nil))
	}
	return all
}

func newStamper(t *testing.T, a *testtsa.Authority) (*countersign.Stamper, string) {
	t.Helper()
	client, err := timestamp.NewClient(a.URL, a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), countersign.FileName)
	return countersign.NewStamper(file, client, now), file
}

func verify(t *testing.T, l log, file string, a *testtsa.Authority) *countersign.Report {
	t.Helper()
	report, err := countersign.Verify(t.Context(), l, file, a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestStampedCheckpointsVerify(t *testing.T) {
	a := testtsa.New(t, now)
	stamper, file := newStamper(t, a)
	all := newLog(t, 0, now())
	for _, c := range all {
		stamper.Note(c)
		if c.Number == 2 {
			continue // another one follows before the next round
		}
		if err := stamper.StampNewest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := stamper.StampNewest(t.Context()); err != nil { // nothing new
			t.Fatal(err)
		}
	}
	if n := a.Requests.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
	report := verify(t, all, file, a)
	if len(report.Findings) > 0 || report.Tokens != 2 || report.Last != 3 || !report.LastTime.Equal(now()) {
		t.Errorf("%+v", report)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A log that somebody with the key signed anew does not have the checkpoints that were stamped.
func TestAnotherLogIsFound(t *testing.T) {
	a, other := testtsa.New(t, now), testtsa.New(t, now)
	stamper, file := newStamper(t, a)
	all := newLog(t, 0, now())
	stamper.Note(all[2])
	if err := stamper.StampNewest(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		log  log
		a    *testtsa.Authority
		want string
	}{
		"signed anew":       {newLog(t, 1, now()), a, "checkpoint 3: the time-stamp token is not valid: it is about something else"},
		"cut off":           {all[:2], a, "checkpoint 3 has a time stamp, and is not in the table"},
		"another authority": {all, other, "its signer is not trusted"},
		"of a later day":    {newLog(t, 0, now().Add(time.Hour)), a, "about something else"}, // the time is in the link
	} {
		report := verify(t, test.log, file, test.a)
		if len(report.Findings) != 1 || !strings.Contains(report.Text(), "TIMESTAMP DIFFERS: ") ||
			!strings.Contains(report.Text(), test.want) {
			t.Errorf("%s: %s", name, report.Text())
		}
	}
	late := newLog(t, 0, now().Add(time.Hour)) // the authority's clock is an hour behind the service's
	stamper.Note(late[0])
	if err := stamper.StampNewest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, late[:1], file, a); !strings.Contains(report.Text(), "after its time stamp") {
		t.Error(report.Text())
	}
}

func TestFileOfTokens(t *testing.T) {
	a := testtsa.New(t, now)
	_, file := newStamper(t, a)
	if report := verify(t, nil, file, a); !strings.Contains(report.Text(), "there is no file") {
		t.Error(report.Text())
	}
	random := make([]byte, 1<<20)
	_, _ = rand.Read(random)
	for text, want := range map[string]string{
		"x\n": "line 1 cannot be read", `{"checkpoint":1,"token":"AAAA"}`: "line 1 is not complete",
		"{\"checkpoint\":0,\"token\":\"AAAA\"}\n": "line 1 cannot be read",
		"{\"checkpoint\":1,\"token\":\"AAAA\"}\n": "it is not signed data", strings.Repeat("a", 1<<20): "not complete",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, newLog(t, 0, now()), file, a); !strings.Contains(report.Text(), want) {
			t.Errorf("%.40q: %s", text, report.Text())
		}
	}
}

// An authority that is down or lies leaves the checkpoint for the next round, and no token.
func TestFailuresAreRepeated(t *testing.T) {
	a := testtsa.New(t, now)
	stamper, file := newStamper(t, a)
	all := newLog(t, 0, now())
	stamper.Note(all[0])
	a.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if err := stamper.StampNewest(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP 502") {
		t.Errorf("got %v", err)
	}
	a.Answer(nil)
	a.Edit(func(d *testtsa.Draft) { d.Imprint = make([]byte, 32) })
	if err := stamper.StampNewest(t.Context()); err == nil {
		t.Error("a token about something else was kept")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file")
	}
	a.Edit(nil)
	if err := stamper.StampNewest(t.Context()); err != nil {
		t.Error(err)
	}
	if status := stamper.Status(); status.Failures != 2 || verify(t, all, file, a).Last != 1 {
		t.Errorf("%+v", status)
	}
}
