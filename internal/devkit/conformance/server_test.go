package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/conformance"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/doortest"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// alteringServer is our service with altered requests and responses.
type alteringServer struct {
	alterRequest  func(*http.Request) // alters a request; may be nil
	alterResponse func(request *http.Request, sent string, status int, answer string) (int, string)
	service       http.Handler

	mu sync.Mutex // serialises alterResponse, which may keep state
}

func (s *alteringServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if s.alterRequest != nil {
		s.alterRequest(r)
	}
	answer := httptest.NewRecorder()
	s.service.ServeHTTP(answer, r)
	s.mu.Lock()
	status, text := s.alterResponse(r, string(sent), answer.Code, answer.Body.String())
	s.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	if strings.HasPrefix(text, "text/xml|") { // marks a response with another Content-Type
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		text = strings.TrimPrefix(text, "text/xml|")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// newServerUnderTest starts handler on TLS and returns the Server to judge.
func newServerUnderTest(t *testing.T, door *doortest.Door, handler http.Handler) conformance.Server {
	t.Helper()
	listening := httptest.NewTLSServer(handler)
	t.Cleanup(listening.Close)
	return conformance.Server{
		URL: listening.URL + ctr.Path, HTTP: listening.Client(), Key: testpki.Key(t, testpki.Hospital), Data: testmessages.DevelopmentData(), Now: door.Clock.Now,
		NewID: registertest.NewIDCounter("_c-"), FindKey: func(entry string) (*x509id.Key, error) { return testpki.Key(t, entry), nil },
	}
}

func findingsWith(r *conformance.Report, o conformance.Outcome) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Outcome == o {
			all = append(all, f.ID)
		}
	}
	return all
}

// TestOurOwnServer: our server meets every requirement, with RSA and EC keys.
func TestOurOwnServer(t *testing.T) {
	t.Parallel()
	for _, key := range []string{testpki.Hospital, authority.EntryEC} {
		door := doortest.New(t)
		s := newServerUnderTest(t, door, door)
		s.Key = testpki.Key(t, key)
		report, err := s.Judge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if report.Failed+report.NotShown > 0 || report.Passed < 45 || !strings.HasPrefix(report.Verdict, "Conforms: ") {
			t.Errorf("%s", report.Text())
		}
		seen := map[string]bool{}
		for _, f := range report.Findings {
			if seen[f.ID] || f.Sentence == "" || strings.HasPrefix(f.Sentence, " ") || f.Source == "" {
				t.Errorf("%+v", f)
			}
			seen[f.ID] = true
		}
	}
}

// TestWithoutOtherKeys: without the other keys, the tests that need them are not shown, and none fails.
func TestWithoutOtherKeys(t *testing.T) {
	t.Parallel()
	door := doortest.New(t)
	s := newServerUnderTest(t, door, door)
	s.FindKey = func(string) (*x509id.Key, error) { return nil, testmessages.ErrNoKey }
	report, err := s.Judge(t.Context())
	if err != nil || report.Failed != 0 || report.NotShown != 4 || !strings.HasPrefix(report.Verdict, "Conforms in all that was shown") {
		t.Errorf("%v\n%s", err, report.Text())
	}
}

// TestBrokenServers: each altered server fails exactly the requirements that it breaks.
func TestBrokenServers(t *testing.T) {
	t.Parallel()
	replace := func(from, to string) func(*http.Request, string, int, string) (int, string) {
		return func(_ *http.Request, _ string, status int, answer string) (int, string) {
			return status, strings.ReplaceAll(answer, from, to)
		}
	}
	stands := []struct {
		name   string
		change func(*http.Request, string, int, string) (int, string)
		want   []string
	}{
		{"an operation is missing from the contract", replace(`name="searchDevice"`, `name="other"`), []string{"S01", "S02", "S03", "S04"}},
		{"a schema says something else", replace(`<xs:maxLength value="64"/>`, `<xs:maxLength value="65"/>`), []string{"S06"}},
		{"not ready", func(r *http.Request, _ string, status int, answer string) (int, string) {
			if r.URL.Path == "/readyz" {
				status = http.StatusServiceUnavailable
			}
			return status, answer
		}, []string{"S07"}},
		{"another digest in the receipt", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if before, rest, found := strings.Cut(answer, "<ctr:Digest>"); found && strings.Contains(answer, "ctrp:Receipt") {
				return status, before + "<ctr:Digest>" + strings.Repeat("A", 43) + "=" + rest[44:]
			}
			return status, answer
		}, []string{"S11"}},
		{"another digest of the card", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if before, rest, found := strings.Cut(answer, "<ctr:Digest>"); found && strings.Contains(answer, "ctrp:Card") {
				return status, before + "<ctr:Digest>" + strings.Repeat("A", 43) + "=" + rest[44:]
			}
			return status, answer
		}, []string{"S17"}},
		{"never its own", replace("<ctr:Own>true</ctr:Own>", "<ctr:Own>false</ctr:Own>"), []string{"S14"}},
		{"no DataNotFound", func(r *http.Request, _ string, status int, answer string) (int, string) {
			if r.Method == http.MethodPost {
				answer = strings.ReplaceAll(answer, "status:DataNotFound", "status:Other")
			}
			return status, answer
		}, []string{"S16"}},
		{"not the answer to the request", replace(` InResponseTo="`, ` InResponseTo="x`), []string{"S10"}},
		{"SOAP 1.2 answered as 1.1", func(_ *http.Request, sent string, status int, answer string) (int, string) {
			const twelve = "http://www.w3.org/2003/05/soap-envelope"
			if strings.Contains(sent, twelve) && status == http.StatusOK {
				answer = "text/xml|" + strings.ReplaceAll(answer, twelve, "http://schemas.xmlsoap.org/soap/envelope/")
			}
			return status, answer
		}, []string{"S20"}},
		{"another fault code", replace("wsse:InvalidSecurity<", "soap:Client<"), nil},
		{"faults without Id", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if before, rest, found := strings.Cut(answer, "Error xmlns:soa="); found {
				tag, content, _ := strings.Cut(rest, ">")
				tag, _, _ = strings.Cut(tag, ` Id="`)
				return status, before + "Error xmlns:soa=" + tag + ">" + content
			}
			return status, answer
		}, nil},
		{"faults with 200", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if strings.Contains(answer, "Fault>") {
				status = http.StatusOK
			}
			return status, answer
		}, nil},
		{"one language", replace(`xml:lang="nl"`, `xml:lang="en"`), []string{"S60"}},
		{"too large is internal", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if status == http.StatusRequestEntityTooLarge {
				status = http.StatusInternalServerError
			}
			return status, answer
		}, []string{"S63"}},
		{"tells who exists", func(_ *http.Request, sent string, status int, answer string) (int, string) {
			if strings.Contains(sent, "GetNotification") && strings.Contains(sent, "81050511813") && !strings.Contains(sent, "20010101") {
				answer = strings.Replace(answer, "</faultstring>", " !</faultstring>", 1)
			}
			return status, answer
		}, []string{"S64"}},
		{"takes what it knows", answerReplays(), nil},
		{"another patient's", func(_ *http.Request, sent string, status int, answer string) (int, string) {
			if strings.Contains(sent, "ctrp:ByPatient") {
				answer = strings.ReplaceAll(answer, "48022907379", "05041801691")
			}
			return status, answer
		}, []string{"S15"}},
		{"another number for what is sent again", answerNewNumbers(), []string{"S13"}},
		{"other implants", func(_ *http.Request, sent string, status int, answer string) (int, string) {
			if strings.Contains(sent, "ListPatientImplantsRequest") {
				answer = strings.ReplaceAll(answer, "<ctr:ImplantId>", "<ctr:ImplantId>other-")
			}
			return status, answer
		}, []string{"S22"}},
		{"the list as it was", answerStaleList(), []string{"S23"}},
		{"SOAP 1.2 with 500", func(_ *http.Request, _ string, status int, answer string) (int, string) {
			if status == http.StatusBadRequest {
				status = http.StatusInternalServerError
			}
			return status, answer
		}, []string{"S48", "S61"}},
		{"a device without name", replace("<ctr:LotNumber>L2201<", "<ctr:LotNumber>L2202<"), []string{"S12"}},
	}
	failing := &failedRequirements{ids: map[string]bool{}}
	t.Run("servers", func(t *testing.T) {
		for _, c := range stands {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				door := doortest.New(t)
				requireFailures(t, door, &alteringServer{alterResponse: c.change, service: door}, c.want, failing)
			})
		}
		t.Run("no packages", func(t *testing.T) {
			t.Parallel()
			door := doortest.New(t)
			pass := func(_ *http.Request, _ string, status int, answer string) (int, string) { return status, answer }
			requireFailures(t, door, &alteringServer{alterRequest: func(r *http.Request) { r.Header.Del("Accept") }, alterResponse: pass, service: door}, []string{"S18"}, failing)
		})
		t.Run("nothing there", func(t *testing.T) {
			t.Parallel()
			requireFailures(t, doortest.New(t), http.NotFoundHandler(), nil, failing)
		})
	})
	door := doortest.New(t)
	whole, err := newServerUnderTest(t, door, door).Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range whole.Findings {
		if !failing.ids[f.ID] {
			t.Errorf("no server fails %s: %s", f.ID, f.Sentence)
		}
	}
}

// failedRequirements collects the requirements that some server fails.
type failedRequirements struct {
	mu  sync.Mutex
	ids map[string]bool
}

// requireFailures judges a server that must fail exactly the wanted requirements, or at least one if want is nil.
func requireFailures(t *testing.T, door *doortest.Door, handler http.Handler, want []string, failing *failedRequirements) {
	t.Helper()
	s := newServerUnderTest(t, door, handler)
	s.Key = testpki.ECKey(t) // signs faster than RSA
	report, err := s.Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed := findingsWith(report, conformance.Fail)
	if len(failed) == 0 || want != nil && !slices.Equal(failed, want) {
		t.Errorf("%v, want %v\n%s", failed, want, report.Text())
	}
	if report.Failed != len(failed) || !strings.HasPrefix(report.Verdict, "Does not conform: ") {
		t.Error(report.Verdict)
	}
	failing.mu.Lock()
	defer failing.mu.Unlock()
	for _, id := range failed {
		failing.ids[id] = true
	}
}

var notificationNumberPattern = regexp.MustCompile(`<ctr:NotificationNumber>\d+<`)

// answerNewNumbers assigns another number when a notification is sent again.
func answerNewNumbers() func(*http.Request, string, int, string) (int, string) {
	known := map[string]bool{}
	return func(_ *http.Request, sent string, status int, answer string) (int, string) {
		_, rest, _ := strings.Cut(sent, "<ctrp:InputReference>")
		reference, _, found := strings.Cut(rest, "<")
		if found && known[reference] && status == http.StatusOK {
			answer = notificationNumberPattern.ReplaceAllString(answer, "<ctr:NotificationNumber>202611210000269<")
		}
		known[reference] = true
		return status, answer
	}
}

// answerStaleList returns the list of implants from before a removal.
func answerStaleList() func(*http.Request, string, int, string) (int, string) {
	list, removed := "", false
	return func(_ *http.Request, sent string, status int, answer string) (int, string) {
		removed = removed || strings.Contains(sent, "NotifyExplantRequest") && status == http.StatusOK
		if strings.Contains(answer, "ListPatientImplantsResponse") {
			if removed {
				return status, list
			}
			list = answer
		}
		return status, answer
	}
}

// answerReplays repeats the first response when a message is replayed.
func answerReplays() func(*http.Request, string, int, string) (int, string) {
	type first struct {
		status int
		answer string
	}
	known := map[string]first{}
	return func(_ *http.Request, sent string, status int, answer string) (int, string) {
		if was, again := known[sent]; again && sent != "" {
			return was.status, was.answer
		}
		known[sent] = first{status, answer}
		return status, answer
	}
}

// TestNoRun: Judge stops before any test in production, without a connection, and with a cancelled context.
func TestNoRun(t *testing.T) {
	t.Parallel()
	door := doortest.New(t)
	production := &alteringServer{service: door, alterResponse: func(_ *http.Request, _ string, status int, answer string) (int, string) {
		return status, strings.ReplaceAll(answer, "<soa:Environment>Test<", "<soa:Environment>Production<")
	}}
	if _, err := newServerUnderTest(t, door, production).Judge(t.Context()); !errors.Is(err, conformance.ErrProduction) {
		t.Error(err)
	}
	if n := door.CountNotifications(t); n != 0 {
		t.Errorf("%d notifications in production", n)
	}
	gone := newServerUnderTest(t, door, door)
	gone.URL = "https://127.0.0.1:1/ctr/v1"
	if _, err := gone.Judge(t.Context()); !errors.Is(err, conformance.ErrUnreachable) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newServerUnderTest(t, door, door).Judge(ctx); err == nil {
		t.Error("a run that was cancelled")
	}
}
