package sandbox

import (
	"reflect"
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/texts"
)

// TestEverythingIsSaid: every language has every text, and a text for every mistake, operation, certificate kind and
// role.
func TestEverythingIsSaid(t *testing.T) {
	t.Parallel()
	w, err := readDevelopmentData()
	if err != nil {
		t.Fatal(err)
	}
	var grouped []string
	for _, g := range mistakeGroupNames {
		grouped = append(grouped, g.names...)
	}
	for _, l := range texts.Langs() {
		words := textsFor(l)
		fields := reflect.ValueOf(*words)
		for i := range fields.NumField() {
			if field := fields.Field(i); field.Kind() == reflect.String && field.String() == "" {
				t.Errorf("%s: nothing for %s", l, fields.Type().Field(i).Name)
			}
		}
		for _, m := range testmessages.Mistakes() {
			if text := words.Mistakes[m.Name]; text.Title == "" || text.How == "" {
				t.Errorf("%s: nothing for the mistake %s", l, m.Name)
			}
			if !slices.Contains(grouped, m.Name) {
				t.Errorf("%s is in no group", m.Name)
			}
		}
		if len(words.Mistakes) != len(testmessages.Mistakes()) || len(grouped) != len(testmessages.Mistakes()) {
			t.Errorf("%s: words for mistakes that are none", l)
		}
		for _, name := range testmessages.Operations() {
			if words.Operations[name] == "" {
				t.Errorf("%s: nothing for the operation %s", l, name)
			}
		}
		for _, kind := range certificateKinds {
			if words.Certificates[kind] == "" {
				t.Errorf("%s: nothing for certificates of kind %s", l, kind)
			}
		}
		for _, o := range w.Organisations {
			requireRoleText(t, l, words, o.Type)
		}
		for _, d := range w.Devices {
			requireRoleText(t, l, words, d.Status)
		}
		for _, p := range w.People {
			for _, role := range append(p.Roles, "Patient") {
				requireRoleText(t, l, words, role)
			}
		}
		if words.Role("Unheard") != "Unheard" {
			t.Error("an unknown role is hidden")
		}
	}
}

func requireRoleText(t *testing.T, l texts.Lang, words *pageTexts, name string) {
	t.Helper()
	if words.Roles[name] == "" {
		t.Errorf("%s: nothing for %s", l, name)
	}
}
