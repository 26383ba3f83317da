package testmessages_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/doortest"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// testBench is a service with a generator of messages for it.
type testBench struct {
	*doortest.Door
	testmessages.Generator
}

func newBench(t *testing.T) *testBench {
	t.Helper()
	door := doortest.New(t)
	return &testBench{door, testmessages.Generator{Data: testmessages.DevelopmentData(), Now: door.Clock.Now, NewID: registertest.NewIDCounter("_s-")}}
}

// sendMessage sends a message. It returns the HTTP status, and either the content of the response or the refusal.
func (b *testBench) sendMessage(t *testing.T, s testmessages.Message) (int, xmldoc.Element, *soap.Refusal) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, ctr.Path, strings.NewReader(s.Octets))
	request.Header.Set("Content-Type", s.ContentType)
	if s.Action != "" {
		request.Header.Set("SOAPAction", s.Action)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, request)
	document, err := xmldoc.Parse(w.Body.Bytes(), xmldoc.DefaultLimits())
	if err != nil {
		t.Fatal(err, w.Body)
	}
	content, refusal, err := soap.ReadReply(document, ctr.NamespaceCore)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, content, refusal
}

func keyFinder(t *testing.T, own string) func(string) (*x509id.Key, error) {
	t.Helper()
	return func(name string) (*x509id.Key, error) {
		if name == "" {
			name = own
		}
		return testpki.Key(t, name), nil
	}
}

// TestSamples: the service accepts the request of every operation, in both SOAP versions, with RSA and EC keys, and
// as MTOM.
func TestSamples(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, own := range []string{testpki.Hospital, authority.EntryEC} {
		for _, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			for _, operation := range testmessages.Operations() {
				request, err := b.BuildRequest(operation, testmessages.RequestValues{})
				if err != nil {
					t.Fatal(err)
				}
				message, err := b.Sign(version, testpki.Key(t, own), request)
				if err != nil {
					t.Fatal(err)
				}
				if status, content, refusal := b.sendMessage(t, testmessages.NewMessage(version, operation, message)); refusal != nil || status != 200 || content.Local() != operation+"Response" {
					t.Errorf("%s of %v by %s: HTTP %d, %v", operation, version, own, status, refusal)
				}
			}
			request, err := b.BuildRequest("Search", testmessages.RequestValues{})
			if err != nil {
				t.Fatal(err)
			}
			message, err := b.Sign(version, testpki.Key(t, own), request)
			if err != nil {
				t.Fatal(err)
			}
			media, data, err := testmessages.PackMTOM(version, message)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, refusal := b.sendMessage(t, testmessages.Message{Octets: data, ContentType: media}); refusal != nil {
				t.Errorf("in a package: %v", refusal)
			}
		}
	}
	if _, _, err := testmessages.PackMTOM(soap.SOAP11, "<a/>"); err == nil {
		t.Error("a package of nothing")
	}
	if _, err := b.BuildRequest("Nothing", testmessages.RequestValues{}); err == nil {
		t.Error("a sample of an operation that is none")
	}
}

// TestMistakes: each mistake is refused with exactly its codes, with RSA and EC keys; the messages before it are
// accepted.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, own := range []string{testpki.Hospital, authority.EntryEC} {
		b := newBench(t)
		for _, m := range testmessages.Mistakes() {
			sent, err := b.BuildMistake(m, keyFinder(t, own))
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
				continue
			}
			for _, good := range sent[:len(sent)-1] {
				if _, _, refusal := b.sendMessage(t, good); refusal != nil {
					t.Errorf("%s: the message before it: %v", m.Name, refusal)
				}
			}
			_, _, refusal := b.sendMessage(t, sent[len(sent)-1])
			if refusal == nil {
				t.Errorf("%s: accepted", m.Name)
				continue
			}
			var got, want []string
			for _, v := range refusal.Violations {
				got = append(got, v.Code)
			}
			for _, code := range m.Codes {
				want = append(want, string(code))
			}
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("%s: %v, want %v", m.Name, got, want)
			}
		}
	}
}

func TestKeyNotAtHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, m := range testmessages.Mistakes() {
		_, err := b.BuildMistake(m, func(string) (*x509id.Key, error) { return nil, testmessages.ErrNoKey })
		if !errors.Is(err, testmessages.ErrNoKey) {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}
