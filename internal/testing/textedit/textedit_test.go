package textedit_test

import (
	"errors"
	"testing"

	"github.com/openctr/ctr/internal/testing/textedit"
)

func TestEdits(t *testing.T) {
	const text = `<a><b>1</b><c x="y"/><b>2</b></a>`
	for line, want := range map[string]string{
		"set b[2] to 3":                         `<a><b>1</b><c x="y"/><b>3</b></a>`,
		"set b to":                              `<a><b></b><c x="y"/><b>2</b></a>`,
		"remove a/c":                            `<a><b>1</b><b>2</b></a>`,
		"add <d/> before c":                     `<a><b>1</b><d/><c x="y"/><b>2</b></a>`,
		"add <d/> after c":                      `<a><b>1</b><c x="y"/><d/><b>2</b></a>`,
		"add [2 times <d%/>] into a":            `<a><b>1</b><c x="y"/><b>2</b><d0/><d1/></a>`,
		"move b into a":                         `<a><c x="y"/><b>2</b><b>1</b></a>`,
		"move c into b":                         `<a><b>1<c x="y"/></b><b>2</b></a>`,
		"replace <b> => <b x='[3 times %-%,]'>": `<a><b x='0-0,1-1,2-2,'>1</b><c x="y"/><b>2</b></a>`,
		"replace all b> =>":                     `<a><1</<c x="y"/><2</</a>`,
	} {
		e, err := textedit.Parse(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got, err := e.Expand(textedit.ExpandRepetitions).Apply(text); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", line, got, err, want)
		}
	}
	for _, line := range []string{"set d to 1", "remove b[3]", "replace z => y", "move b into d"} {
		if e, err := textedit.Parse(line); err != nil {
			t.Errorf("%q: %v", line, err)
		} else if got, err := e.Apply(text); err == nil {
			t.Errorf("%q gives %s", line, got)
		}
	}
	for _, line := range []string{"", "change a", "replace a with b", "add a over b"} {
		if _, err := textedit.Parse(line); err == nil {
			t.Errorf("%q is an edit", line)
		}
	}
	if _, err := textedit.Parse("change a"); !errors.Is(err, textedit.ErrUnknownWord) {
		t.Error(err)
	}
}
