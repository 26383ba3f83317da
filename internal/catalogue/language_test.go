package catalogue_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openctr/ctr/internal/devkit/sandbox"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// TestAFifthLanguageIsOneFile adds Walloon: English, with the words that the test looks for replaced.
func TestAFifthLanguageIsOneFile(t *testing.T) {
	words := map[string]string{}
	if err := json.Unmarshal(readBuiltIn(t, texts.English), &words); err != nil {
		t.Fatal(err)
	}
	words["language.name"], words["language.order"] = "Walon", "5"
	words["code.XML_TOO_LARGE"], words["detail.limit"] = "Li messaedje est trop grand.", "nén pus di {max}"
	words["card.patient_card_title"] = "Carte do malåde"
	words["sandbox.title"] = "CTR po sayî"
	file, err := json.Marshal(words)
	if err != nil {
		t.Fatal(err)
	}
	content := implants.CardContent{IssuedAt: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	before := renderCard(t, content)
	undo, err := texts.AddLanguages(fstest.MapFS{"wa.json": {Data: file}})
	if err != nil {
		t.Fatal(err)
	}
	defer undo()

	fault := soap.FaultFrom(problem.New(xmldoc.XMLTooLarge, problem.DetailLimit.With(64)), soap.FaultContext{Environment: "Test"})
	if want := `xml:lang="wa">Li messaedje est trop grand. (nén pus di 64)<`; !bytes.Contains(fault.Body, []byte(want)) {
		t.Errorf("no %s in %s", want, fault.Body)
	}
	if after := renderCard(t, content); bytes.Equal(after, before) {
		t.Error("the card has no text in the new language")
	} else if !bytes.HasPrefix(after, []byte("%PDF-")) {
		t.Error("the card is no PDF")
	}
	page := getStartPage(t, "wa")
	for _, want := range []string{"<title>CTR po sayî</title>", ">Walon<"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
}

func renderCard(t *testing.T, content implants.CardContent) []byte {
	t.Helper()
	pdf, err := card.Render(content, card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}

func getStartPage(t *testing.T, l texts.Lang) string {
	t.Helper()
	s, err := sandbox.New(sandbox.Config{Service: http.NotFoundHandler(), Path: "/ctr", Now: time.Now, NewID: func() string { return "_1" }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/sandbox/?lang="+string(l), nil))
	return w.Body.String()
}
