package keptform_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/portal/keptform"
)

type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newKeeper() (*keptform.Keeper, *clock) {
	c := &clock{time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	return keptform.New("secret", c.now), c
}

func TestMark(t *testing.T) {
	t.Parallel()
	k, c := newKeeper()
	mark := k.Mark("78031412250")
	if !k.IsOf(mark, "78031412250") || !k.IsOurs(mark) {
		t.Error("the mark is not its person's")
	}
	if k.IsOf(mark, "69092234126") || k.Mark("69092234126") == mark {
		t.Error("the mark is another's")
	}
	if strings.Contains(mark, "78031412250") {
		t.Error("the mark holds the person's number")
	}
	other, _ := newKeeper()
	if !other.IsOf(mark, "78031412250") {
		t.Error("another service with the secret does not know the mark")
	}
	if keptform.New("another secret", c.now).IsOurs(mark) {
		t.Error("a service with another secret knows the mark")
	}
	for i := range mark {
		changed := mark[:i] + string(mark[i]^1) + mark[i+1:]
		if k.IsOf(changed, "78031412250") && changed[:len(changed)-1] != mark[:len(mark)-1] { // the last one has spare bits
			t.Errorf("the mark with another character %d is known", i)
		}
	}
	for _, forged := range []string{"", "any", mark[:len(mark)-1], mark + "AA", strings.Repeat("A", len(mark))} {
		if k.IsOurs(forged) || k.Admit(forged, 1) {
			t.Errorf("%q is known", forged)
		}
	}
	c.Time = c.AddDate(0, 0, 7)
	if !k.IsOurs(mark) {
		t.Error("the mark is too old after a week")
	}
	c.Time = c.AddDate(0, 0, 1)
	if k.IsOurs(mark) {
		t.Error("the mark is good for ever")
	}
}

func TestAdmitBounds(t *testing.T) {
	t.Parallel()
	k, c := newKeeper()
	admit := func(person string, size, times int) (admitted int) {
		mark := k.Mark(person)
		for range times {
			if k.Admit(mark, size) {
				admitted++
			}
		}
		return admitted
	}
	if admit("large", keptform.MaxBytes+1, 1) != 0 {
		t.Error("a form over the limit is kept")
	}
	if n := admit("a", keptform.MaxBytes, 10); n != 4 {
		t.Errorf("%d forms of one author are kept", n)
	}
	if n := admit("b", keptform.MaxBytes, 10); n != 4 {
		t.Errorf("%d forms of another author are kept", n)
	}
	total := 8
	for i := range 300 {
		total += admit(string(rune('A'+i)), keptform.MaxBytes, 1)
	}
	if total != 256 { // 32 MiB
		t.Errorf("%d of the largest forms are kept", total)
	}
	if admit("c", 1, 1) != 0 {
		t.Error("a form is kept although there is no room")
	}
	c.Time = c.Add(keptform.MaxTime)
	if n := admit("a", 1, 10); n != 4 {
		t.Errorf("%d forms are kept once the others are too old", n)
	}
	total = 4
	for i := range 5000 {
		total += admit(string(rune('A'+i)), 1, 1)
	}
	if total != 4096 {
		t.Errorf("%d small forms are kept", total)
	}
}
