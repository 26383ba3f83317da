package browser_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/portal/cardpage"
	"github.com/openctr/ctr/internal/testing/browser"
)

// TestVerifyCardPage shows each answer of the page that verifies cards, in each language, on a desk and on a phone.
func TestVerifyCardPage(t *testing.T) {
	browser.Require(t)
	page, err := cardpage.New(cardpage.Config{
		Verify: func(_ context.Context, token string) (issuer.Standing, error) {
			return map[string]issuer.Standing{
				"current": issuer.Current, "revised": issuer.Revised, "withdrawn": issuer.Withdrawn,
			}[token], nil
		},
		Admit:      func(*http.Request) (func(), error) { return func() {}, nil },
		RetryAfter: func() time.Duration { return time.Second }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	headings := map[string]string{
		"nl": "Een implantaatkaart controleren", "fr": "Vérifier une carte d’implant", "de": "Eine Implantatkarte prüfen",
		"en": "Check an implant card",
	}
	axe, dir := readAxe(t), pictures(t)
	for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
		tab := browser.NewTab(t, browser.Options{Size: size, Language: "en", Axe: axe, Pictures: dir})
		for language, heading := range headings {
			for _, token := range []string{"current", "revised", "withdrawn", "unknown"} {
				tab.Open(server.URL + issuer.VerificationPath + token + "?lang=" + language)
				tab.WaitFor("heading", heading)
				tab.Check(fmt.Sprintf("verify-%s-%s-%d", token, language, size.Width))
			}
		}
		tab.Click("link", "Nederlands")
		tab.WaitFor("heading", headings["nl"])
	}
}
