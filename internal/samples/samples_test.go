package samples_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/endpoint"
	"github.com/openctr/ctr/internal/endpointtest"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/registertest"
	"github.com/openctr/ctr/internal/samples"
	"github.com/openctr/ctr/internal/testpki"
)

// testBench is a service with a generator of messages for it.
type bench struct {
	*endpointtest.Door
	samples.Maker
}

func newBench(t *testing.T) *bench {
	t.Helper()
	door := endpointtest.New(t)
	return &bench{door, samples.Maker{Data: samples.Development(), Now: door.Clock.Now, NewID: registertest.NewIDCounter("_s-")}}
}

// sendMessage sends a message. It returns the HTTP status, and either the content of the response or the refusal.
func (b *bench) send(t *testing.T, s samples.Sent) (int, xmldoc.Element, *soap.Refusal) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, endpoint.Path, strings.NewReader(s.Octets))
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
	content, refusal, err := soap.ReadReply(document)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, content, refusal
}

func keys(t *testing.T, own string) func(string) (*pki.Key, error) {
	t.Helper()
	return func(name string) (*pki.Key, error) {
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
	for _, own := range []string{testpki.Hospital, pki.EntryEC} {
		for _, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			for _, operation := range samples.Operations() {
				request, err := b.Request(operation, samples.Values{})
				if err != nil {
					t.Fatal(err)
				}
				message, err := b.Sign(version, testpki.Key(t, own), request)
				if err != nil {
					t.Fatal(err)
				}
				if status, content, refusal := b.send(t, samples.Post(version, operation, message)); refusal != nil || status != 200 || content.Local() != operation+"Response" {
					t.Errorf("%s of %v by %s: HTTP %d, %v", operation, version, own, status, refusal)
				}
			}
			request, err := b.Request("Search", samples.Values{})
			if err != nil {
				t.Fatal(err)
			}
			message, err := b.Sign(version, testpki.Key(t, own), request)
			if err != nil {
				t.Fatal(err)
			}
			media, data, err := samples.Packed(version, message)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, refusal := b.send(t, samples.Sent{Octets: data, ContentType: media}); refusal != nil {
				t.Errorf("in a package: %v", refusal)
			}
		}
	}
	if _, _, err := samples.Packed(soap.SOAP11, "<a/>"); err == nil {
		t.Error("a package of nothing")
	}
	if _, err := b.Request("Nothing", samples.Values{}); err == nil {
		t.Error("a sample of an operation that is none")
	}
}

// TestMistakes: each mistake is refused with exactly its codes, with RSA and EC keys; the messages before it are
// accepted.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, own := range []string{testpki.Hospital, pki.EntryEC} {
		b := newBench(t)
		for _, m := range samples.Mistakes() {
			sent, err := b.Make(m, keys(t, own))
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
				continue
			}
			for _, good := range sent[:len(sent)-1] {
				if _, _, refusal := b.send(t, good); refusal != nil {
					t.Errorf("%s: the message before it: %v", m.Name, refusal)
				}
			}
			_, _, refusal := b.send(t, sent[len(sent)-1])
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
	for _, m := range samples.Mistakes() {
		_, err := b.Make(m, func(string) (*pki.Key, error) { return nil, samples.ErrNoKey })
		if !errors.Is(err, samples.ErrNoKey) {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}
