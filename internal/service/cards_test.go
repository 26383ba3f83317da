package service_test

import (
	"bytes"
	"compress/zlib"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// notifyInPortal notifies as the surgeon, and returns the number.
func notifyInPortal(t *testing.T, v *visitor) string {
	t.Helper()
	p := v.post("/portal/implantations/new", newImplantationForm(t, v, "S-1"))
	number := notificationPath.FindStringSubmatch(p.location)
	if number == nil {
		t.Fatalf("notify: %d %s\n%s", p.status, p.location, p.text)
	}
	return number[1]
}

func getCard(t *testing.T, s *runningService, number string) []byte {
	t.Helper()
	answer, err := client.Call[ctr.GetImplantCardRequest, ctr.GetImplantCardResponse](t.Context(),
		s.NewClient(t, testpki.Key(t, testpki.Hospital)), "GetImplantCard",
		&ctr.GetImplantCardRequest{Header: interop.NewHeader(), Of: ctr.CardOf{NotificationNumber: number}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Card.Content
}

// TestBothDoorsHandOutTheSameCard notifies in the portal and gets the card there and by SOAP, before and after a
// restart: the bytes are the same, and signed.
func TestBothDoorsHandOutTheSameCard(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	s := startService(t, service.Config{DataDirectory: directory, Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	number := notifyInPortal(t, v)
	first := []byte(v.open("/portal/notifications/" + number + "/card.pdf").text)
	if !bytes.HasPrefix(first, []byte("%PDF-1.7")) || !bytes.Contains(first, []byte("/ETSI.CAdES.detached")) {
		t.Errorf("the card is not signed: %.100q", first)
	}
	if !bytes.Equal(getCard(t, s, number), first) {
		t.Error("SOAP hands out another card than the portal")
	}
	s.close()
	again := startService(t, service.Config{DataDirectory: directory, Development: true})
	if !bytes.Equal(getCard(t, again, number), first) {
		t.Error("another card after a restart")
	}
}

var verificationPath = regexp.MustCompile(`/verify/[0-9]{15}-1-[A-Z2-7]{16}`)

// inflateStreams returns what the streams of a PDF file hold.
func inflateStreams(file []byte) (all []byte) {
	for _, part := range bytes.Split(file, []byte("stream\n")) {
		if r, err := zlib.NewReader(bytes.NewReader(part)); err == nil {
			data, _ := io.ReadAll(r) // what is not a stream ends early
			all = append(all, data...)
		}
	}
	return all
}

// TestVerificationPage opens the address of the QR code as a stranger, in each language, and changes it. The page tells
// nothing about the notification.
func TestVerificationPage(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	number := notifyInPortal(t, v)
	content := inflateStreams(getCard(t, s, number))
	address := string(verificationPath.Find(content))
	if address == "" || !bytes.Contains(content, []byte("QR-code: "+v.origin+address)) {
		t.Fatalf("no address of this service on the card: %q", address)
	}
	stranger := newVisitor(t, s)
	for _, c := range []struct {
		path   string
		status int
		text   string
	}{
		{address, http.StatusOK, "genuine and current"},
		{address + "?lang=nl", http.StatusOK, "echt en actueel"},
		{address + "?lang=fr", http.StatusOK, "authentique et à jour"},
		{address + "?lang=de", http.StatusOK, "echt und aktuell"},
		{address[:len(address)-1] + "1", http.StatusNotFound, "not a card of this register"},
		{"/verify/" + number, http.StatusNotFound, "not a card of this register"},
		{"/verify/", http.StatusNotFound, "not a card of this register"},
		{"/verify/a/b", http.StatusNotFound, "not a card of this register"},
	} {
		p := stranger.open(c.path)
		if p.status != c.status || !strings.Contains(p.text, c.text) {
			t.Errorf("%s: %d %s", c.path, p.status, p.text)
		}
		if strings.Contains(p.text, number) || strings.Contains(p.text, "Leroy") || p.header.Get("Set-Cookie") != "" {
			t.Errorf("%s tells too much: %v %s", c.path, p.header, p.text)
		}
		if csp := p.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self';") {
			t.Errorf("%s: policy %q", c.path, csp)
		}
	}
	if p := stranger.open("/verify/style.css"); p.status != http.StatusOK || p.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet: %d %v", p.status, p.header)
	}
	if p := stranger.post(address, nil); p.status != http.StatusMethodNotAllowed {
		t.Errorf("posted: %d", p.status)
	}
	v.post("/portal/notifications/"+number+"/withdraw", url.Values{"version": {"1"}, "reason": {"wrong patient"}})
	if p := stranger.open(address); p.status != http.StatusOK || !strings.Contains(p.text, "no longer valid") {
		t.Errorf("withdrawn: %d %s", p.status, p.text)
	}
}
