package service_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/service"
)

// TestPortalKeepsOnlyItsOwnForms sends forms without a session: one that the portal never showed leaves nothing behind,
// and of one that it showed a few are kept, within a size.
func TestPortalKeepsOnlyItsOwnForms(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	const page = "/portal/implantations/new"
	for _, form := range []url.Values{
		{"comment": {strings.Repeat("a", 400<<10)}},
		{"comment": {"short"}, "author": {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
	} {
		if p := newVisitor(t, s).post(page, form); p.location != "/portal/sign-in" || p.header.Get("Set-Cookie") != "" {
			t.Errorf("a form of nobody: %d %s, cookie %q", p.status, p.location, p.header.Get("Set-Cookie"))
		}
	}
	doctor := newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	mark := formAuthor.FindStringSubmatch(doctor.open(page).text)
	if mark == nil {
		t.Fatal("the form has no mark")
	}
	large := url.Values{"author": {mark[1]}, "comment": {strings.Repeat("a", 200<<10)}}
	if p := newVisitor(t, s).post(page, large); p.status != http.StatusServiceUnavailable || p.header.Get("Set-Cookie") != "" {
		t.Errorf("a large form: %d, cookie %q", p.status, p.header.Get("Set-Cookie"))
	}
	form := url.Values{"author": {mark[1]}, "comment": {"typed before the end"}}
	for i := range 10 {
		want, status := i < 4, http.StatusServiceUnavailable
		if want {
			status = http.StatusSeeOther
		}
		p := newVisitor(t, s).post(page, form)
		if p.status != status || p.header.Get("Set-Cookie") == "" == want {
			t.Errorf("form %d: %d, cookie %q", i, p.status, p.header.Get("Set-Cookie"))
		}
	}
}

// TestPortalForgetsFormOfAnother keeps a form of the surgeon in a browser in which another person signs in.
func TestPortalForgetsFormOfAnother(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	const page = "/portal/implantations/new"
	doctor := newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	form := newImplantationForm(t, doctor, "SERIAL-OF-THE-SURGEON")
	form.Set("author", formAuthor.FindStringSubmatch(doctor.open(page).text)[1])
	shared := newVisitor(t, s)
	shared.post(page, form)
	shared.signIn(otherPhysician, "doctor")
	if strings.Contains(shared.open(page).text, "SERIAL-OF-THE-SURGEON") {
		t.Error("another person sees the form")
	}
	shared.signIn(surgeon, "doctor")
	if strings.Contains(shared.open(page).text, "SERIAL-OF-THE-SURGEON") {
		t.Error("the form waits in a session that was another's")
	}
}

// TestPortalLimits stops the clock, so that nobody gains by waiting.
func TestPortalLimits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := startService(t, service.Config{Development: true, Now: func() time.Time { return now }})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	for path, limit := range map[string]int{"/portal/implantations/new": 512 << 10, "/openid/token": 512 << 10} {
		p := v.post(path, url.Values{"comment": {strings.Repeat("a", limit)}})
		if p.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s with a large body: %d", path, p.status)
		}
		checkSecurityHeaders(t, path+" with a large body", p)
	}
	refused := func(next func() page) (after int, last page) {
		for after = range 1000 {
			if last = next(); last.status == http.StatusTooManyRequests {
				break
			}
		}
		return after, last
	}
	const formsUsed, pagesUsed = 1, 2 // to sign in
	after, last := refused(func() page { return v.post("/portal/profile", url.Values{"profile": {"doctor"}}) })
	if after != 60-formsUsed {
		t.Errorf("the first %d forms of a person are accepted", after)
	}
	checkSecurityHeaders(t, "one form too many", last)
	if p := v.open("/portal/profile"); p.status != http.StatusOK {
		t.Errorf("a page of somebody who sent too many forms: %d", p.status)
	}
	stranger := newVisitor(t, s)
	if after, _ = refused(func() page { return stranger.open("/portal/sign-in") }); after != 240-pagesUsed {
		t.Errorf("the first %d requests of visitors are answered", after)
	}
	if p := v.open("/portal/profile"); p.status != http.StatusOK {
		t.Errorf("a page of somebody who signed in, from an address of many visitors: %d", p.status)
	}
	if p := stranger.open("/portal/static/portal.css"); p.status != http.StatusOK || p.header.Get("Set-Cookie") != "" {
		t.Errorf("the style sheet: %d", p.status)
	}
}

// TestStartAddress follows / to the portal, and the link of the sign-in page to the sandbox, where there is one.
func TestStartAddress(t *testing.T) {
	t.Parallel()
	for environment, hasSandbox := range map[string]bool{"": true, "Production": false} {
		v := newVisitor(t, startService(t, service.Config{Development: true, Environment: environment}))
		if p := v.open("/"); p.status != http.StatusSeeOther || p.location != "/portal/" {
			t.Errorf("/: %d %s", p.status, p.location)
		}
		if hasLink := strings.Contains(v.open("/portal/sign-in").text, `href="/sandbox/"`); hasLink != hasSandbox {
			t.Errorf("environment %q: the sandbox is linked: %t", environment, hasLink)
		}
		if p := v.open("/sandbox/"); p.status == http.StatusOK != hasSandbox {
			t.Errorf("environment %q: the sandbox: %d", environment, p.status)
		}
	}
}
