package admission

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// restart returns another Controller that has read what the first one wrote.
func restart(t *testing.T, c *Controller) (*Controller, string) {
	t.Helper()
	var file bytes.Buffer
	if err := c.WriteTrust(&file); err != nil {
		t.Fatal(err)
	}
	next, text := NewController(time.Now, nil), file.String()
	if n := next.ReadTrust(&file); n != strings.Count(text, "\n") {
		t.Errorf("%d claims of\n%s", n, text)
	}
	return next, text
}

// TestFindingH3KnownAcrossRestart restarts the process: who was known is served at once beside attackers, and only for
// as long as before. Nothing written says who they are.
func TestFindingH3KnownAcrossRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, honest := NewController(time.Now, nil), newCaller(t, "192.0.2.1")
		mustSend(t, honest, first, hospitalMessage, "hospital", signed, usualCost)
		time.Sleep(claimTime / 2)
		second, text := restart(t, first)
		if strings.Contains(text, "hospital") || !strings.HasPrefix(text, "192.0.2.1 ") {
			t.Errorf("written: %s", text)
		}
		holder := sourceAt("203.0.113.1") // an unverified message is being verified
		mustAcquire(t, second.unverified, holder)
		if took := mustSend(t, honest.reconnect(), second, hospitalMessage, "hospital", signed, usualCost); took > 3*usualCost {
			t.Errorf("the first message after the restart took %v", took)
		}
		copied := newCaller(t, "198.51.100.1")
		time.AfterFunc(time.Second, func() { second.unverified.release(holder) })
		if took := mustSend(t, copied, second, hospitalMessage, "", garbage, usualCost); took < time.Second {
			t.Errorf("a copy from another address took %v", took)
		}
		third, _ := restart(t, first) // written before the message after the restart
		time.Sleep(claimTime/2 + time.Second)
		if _, isKnown := third.trust.signerOf(sourceAt("192.0.2.1"), mustFindClaim(t, hospitalMessage)); isKnown {
			t.Error("known for longer than before")
		}
		if _, late := restart(t, third); late != "" {
			t.Errorf("written after it expired: %s", late)
		}
	})
}

// TestReadTrust reads files that nobody wrote.
func TestReadTrust(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	future := time.Now().Add(time.Hour).Unix()
	good := fmt.Sprintf("192.0.2.1 %s %d\n", hash, future)
	many := make([]string, 2*maxKeptClaims)
	for i := range many {
		many[i] = fmt.Sprintf("10.%d.%d.%d %s %d\n", i>>16, i>>8&255, i&255, hash, future)
	}
	ofOne := make([]string, 2*maxClaims)
	for i := range ofOne {
		ofOne[i] = fmt.Sprintf("192.0.2.1 %064x %d\n", i, future)
	}
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"nothing":           {"", 0},
		"one":               {good, 1},
		"twice":             {good + good, 1},
		"expired":           {fmt.Sprintf("192.0.2.1 %s %d\n", hash, time.Now().Unix()-1), 0},
		"no address":        {strings.Replace(good, "192.0.2.1", "hospital", 1), 0},
		"short hash":        {strings.Replace(good, "abab", "ab", 1), 0},
		"no hash":           {strings.Replace(good, "abab", "zzab", 1), 0},
		"no time":           {"192.0.2.1 " + hash + " soon\n", 0},
		"another field":     {strings.Replace(good, "\n", " x\n", 1), 0},
		"a line among junk": {"\x00\n" + good + "junk", 1},
		"a very long line":  {strings.Repeat("x", 1<<20) + "\n" + good, 0},
		"too many sources":  {strings.Join(many, ""), maxKeptClaims},
		"too many of one":   {strings.Join(ofOne, ""), maxClaims},
	} {
		if got := NewController(time.Now, nil).ReadTrust(strings.NewReader(c.text)); got != c.want {
			t.Errorf("%s: %d claims, want %d", name, got, c.want)
		}
	}
	all := NewController(time.Now, nil)
	all.ReadTrust(strings.NewReader(strings.Join(ofOne, "")))
	var first, second bytes.Buffer
	if err := errors.Join(all.WriteTrust(&first), all.WriteTrust(&second)); err != nil || first.String() != second.String() {
		t.Errorf("the same callers are written in two ways: %v", err)
	}
	far := NewController(time.Now, nil)
	far.ReadTrust(strings.NewReader("192.0.2.1 " + hash + " 99999999999\n"))
	if all := far.trust.listClaims(); len(all) != 1 || all[0].expires.After(time.Now().Add(claimTime)) {
		t.Errorf("%v", all)
	}
}
