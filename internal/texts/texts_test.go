package texts_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openctr/ctr/internal/texts"
)

var (
	greeting = texts.Declare("test.greeting")
	between  = texts.Declare2[string, int]("test.between", "low", "high")
	because  = texts.Declare1[texts.Text]("test.because", "reason")
)

// addTestWords adds languages until the end of the test.
func addTestWords(t *testing.T, files fstest.MapFS) {
	t.Helper()
	undo, err := texts.AddLanguages(files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(undo)
}

func TestTextIn(t *testing.T) {
	for _, c := range []struct {
		text texts.Text
		want string
	}{
		{texts.Text{}, ""},
		{texts.Literal("rsa-sha1"), "rsa-sha1"},
		{greeting, "test.greeting"}, // no language has the words
		{texts.Join(), ""},
		{texts.Join(texts.Text{}, texts.Literal("3:17"), texts.Text{}), "3:17"},
		{texts.Join(texts.Literal("3:17"), texts.Literal("limit"), texts.Literal("64")), "3:17 limit 64"},
	} {
		for _, l := range texts.Langs() {
			if got := c.text.Translate(l); got != c.want {
				t.Errorf("%s: %q, want %q", l, got, c.want)
			}
		}
	}
	if !(texts.Text{}).IsZero() || greeting.IsZero() || texts.Literal("x").IsZero() {
		t.Error("IsZero")
	}
}

func TestTextsSurviveTheDatabase(t *testing.T) {
	for _, text := range []texts.Text{
		{},
		texts.Literal("an English sentence of an earlier version"),
		texts.Literal(`{"key":"test.greeting"}`),
		texts.Literal("{"),
		greeting,
		between.With("{high}", 7),
		because.With(texts.Text{}),
		because.With(because.With(between.With(`"`, -1))),
		texts.Join(greeting, texts.Literal("URI #id")),
	} {
		read := texts.Decode(text.Encode())
		if !read.Equal(text) || read.Encode() != text.Encode() || read.String() != text.String() {
			t.Errorf("%s became %s", text.Encode(), read.Encode())
		}
	}
	if between.With("1", 2).Equal(between.With("1", 3)) || greeting.Equal(texts.Literal("test.greeting")) {
		t.Error("different texts are equal")
	}
}

func TestDeclaringAKeyTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	texts.Declare("test.greeting")
}

func TestPreferredLang(t *testing.T) {
	for _, c := range []struct {
		named []string
		want  texts.Lang
	}{
		{nil, "en"},
		{[]string{"el, xx;q=1"}, "en"},
		{[]string{"it, nl-BE;q=0.9, en;q=0.5"}, "nl"},
		{[]string{"", " FR-be "}, "fr"},
		{[]string{"de", "fr"}, "de"},
		{[]string{"del,english"}, "en"},
	} {
		if got := texts.PreferredLang(c.named...); got != c.want {
			t.Errorf("%q: %s, want %s", c.named, got, c.want)
		}
	}
}

func TestLangs(t *testing.T) {
	join := func(all []texts.Lang) string {
		var b strings.Builder
		for _, l := range all {
			b.WriteString(string(l) + "=" + l.Name() + " ")
		}
		return b.String()
	}
	if got := join(texts.Langs()); got != "nl=Nederlands fr=Français de=Deutsch en=English " {
		t.Error(got)
	}
	if got := join(texts.LangsEnglishFirst()); got != "en=English nl=Nederlands fr=Français de=Deutsch " {
		t.Error(got)
	}
}

func TestAddLanguages(t *testing.T) {
	data, err := fs.ReadFile(texts.BuiltIn(), "en.json")
	if err != nil {
		t.Fatal(err)
	}
	walloon := strings.NewReplacer(`"English"`, `"Walon"`, `"language.order": "4"`, `"language.order": "9"`, `"it is empty"`, `"c' est vude"`).Replace(string(data))
	addTestWords(t, fstest.MapFS{"wa.json": {Data: []byte(walloon)}})
	all := texts.Langs()
	if last := all[len(all)-1]; last != "wa" || last.Name() != "Walon" || texts.Lookup(last, "detail.empty") != "c' est vude" {
		t.Errorf("the last of %v is %q", all, last.Name())
	}
	if texts.PreferredLang("wa-BE, nl") != "wa" || texts.Lookup("nl", "detail.empty") != "het is leeg" {
		t.Error("the languages are mixed up")
	}
	_, err = texts.AddLanguages(fstest.MapFS{"wa.json": {Data: []byte(`{"language.name": "Walon"}`)}})
	if err == nil || !strings.Contains(err.Error(), "wa.json: detail.empty is missing") {
		t.Errorf("a language without words: %v", err)
	}
	if _, err := texts.AddLanguages(fstest.MapFS{"wa.json": {Data: []byte(`[]`)}}); err == nil {
		t.Error("a list is a language")
	}
}

func TestCheckFindsEveryFault(t *testing.T) {
	declared := map[texts.Key][]string{"a.plain": nil, "a.limit": {"max"}}
	for _, c := range []struct{ name, file, want string }{
		{"sound", `{"a.plain": "yes {Element}", "a.limit": "at most {max}, {max}"}`, ""},
		{"a key is missing", `{"a.limit": "{max}"}`, "x.json: a.plain is missing"},
		{"a key is unknown", `{"a.plain": "y", "a.limit": "{max}", "a.old": "z"}`, "x.json: a.old is declared by no code"},
		{"an argument is missing", `{"a.plain": "y", "a.limit": "at most"}`, "x.json: a.limit lacks the argument {max}"},
		{"an argument is unknown", `{"a.plain": "y", "a.limit": "{max} {min}"}`, "x.json: a.limit has {min}, which is not an argument of it"},
		{"an argument too many", `{"a.plain": "{max}", "a.limit": "{max}"}`, "x.json: a.plain has {max}, which is not an argument of it"},
		{"no words", `{"a.plain": "", "a.limit": "{max}"}`, "x.json: a.plain has no words"},
		{"a key twice", `{"a.plain": "y", "a.plain": "z", "a.limit": "{max}"}`, "x.json: a.plain is there twice"},
		{"not a text", `{"a.plain": 1, "a.limit": "{max}"}`, "x.json: a.plain: "},
		{"not an object", `["a.plain"]`, "x.json: it is not a JSON object"},
		{"cut off", `{"a.plain": "y"`, "x.json: "},
		{"two objects", `{"a.plain": "y", "a.limit": "{max}"} {}`, "x.json: something follows the JSON object"},
	} {
		err := texts.Check(fstest.MapFS{"x.json": {Data: []byte(c.file)}}, declared)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
