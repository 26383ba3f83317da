package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// publishedMistakes gives each mistake the id and the title of its requirement in docs/conformance.md. An id is never
// used for another mistake.
var publishedMistakes = map[string]struct{ id, title string }{
	"no-security":           {"S30", "A message that is not signed"},
	"sha1-signature":        {"S31", "A signature with SHA-1"},
	"sha1-digest":           {"S32", "A digest with SHA-1"},
	"timestamp-missing":     {"S33", "A message without Timestamp"},
	"timestamp-unsigned":    {"S34", "A Timestamp that is not signed"},
	"body-unsigned":         {"S35", "A Body that is not signed"},
	"clock-slow":            {"S36", "A message that was made ten minutes ago"},
	"clock-fast":            {"S37", "A message that was made in ten minutes"},
	"changed-after-signing": {"S38", "A message that was changed after it was signed"},
	"signature-reformatted": {"S39", "A signature that was reformatted"},
	"wrapped":               {"S40", "A signed Body that is wrapped in another"},
	"replayed":              {"S41", "A message that was received before"},
	"certificate-expired":   {"S42", "A certificate that has expired"},
	"certificate-revoked":   {"S43", "A certificate that is revoked"},
	"certificate-untrusted": {"S44", "A certificate of an unknown authority"},
	"certificate-cbe":       {"S45", "A certificate of the wrong type"},
	"author-missing":        {"S46", "An organisation's message without Author"},
	"wrong-action":          {"S47", "A SOAPAction of another operation"},
	"wrong-content-type":    {"S48", "An envelope of SOAP 1.1 with the type of SOAP 1.2"},
	"date-form":             {"S49", "A date that is none"},
	"rules":                 {"S50", "A notification that breaks two rules"},
	"reference-reused":      {"S51", "An InputReference that is used for something else"},
}

// refusalTests lists the tests with messages that a server must refuse, each with its code.
func refusalTests() []serverTest {
	all := make([]serverTest, 0, len(publishedMistakes))
	for _, m := range testmessages.Mistakes() {
		codes := make([]string, len(m.Codes))
		for j, code := range m.Codes {
			codes[j] = string(code)
		}
		published := publishedMistakes[m.Name]
		all = append(all, serverTest{
			Requirement{
				published.id, published.title + " is refused with " + strings.Join(codes, " and ") + ", and nothing is registered.",
				"docs/faults.md",
			},
			func(ctx context.Context, r *serverRun) error { return r.checkMistake(ctx, m) },
		})
	}
	return all
}

// checkMistake sends a mistake, and requires a fault with its codes and an unchanged number of notifications.
func (r *serverRun) checkMistake(ctx context.Context, m testmessages.Mistake) error {
	all, err := r.generator.BuildMistake(m, func(entry string) (*x509id.Key, error) {
		if entry == "" {
			return r.Key, nil
		}
		return r.FindKey(entry)
	})
	if errors.Is(err, testmessages.ErrNoKey) {
		return newNotTestedError("the key for it is not at hand")
	}
	if err != nil {
		return err
	}
	for _, sent := range all[:len(all)-1] {
		a, failed := r.postMessage(ctx, sent)
		if failed == nil {
			failed = r.checkResponse(a, soap.SOAP11, "NotifyImplant")
		}
		if failed != nil {
			return fmt.Errorf("the message before it: %w", failed)
		}
	}
	before, err := r.searchNotifications(ctx, testmessages.RequestValues{})
	if err != nil {
		return err
	}
	a, err := r.postMessage(ctx, all[len(all)-1])
	if err != nil {
		return err
	}
	if err = a.checkFault(m.Codes); err != nil {
		return err
	}
	after, err := r.searchNotifications(ctx, testmessages.RequestValues{})
	if err == nil && after.Total != before.Total {
		err = errors.New("it is registered nevertheless")
	}
	return err
}

// checkFault requires a SOAP fault with exactly these codes, the WS-Security fault code if there is one, the HTTP
// status and an Id.
func (a *serverResponse) checkFault(codes []problem.Code) error {
	if a.parseErr != nil {
		return a.parseErr
	}
	if a.refusal == nil {
		return fmt.Errorf("it is accepted, with HTTP %d", a.status)
	}
	var got, want []string
	for _, v := range a.refusal.Violations {
		got = append(got, v.Code)
	}
	for _, code := range codes {
		want = append(want, string(code))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("it is refused with %s", strings.Join(got, ", "))
	}
	if entry, _ := problem.Lookup(codes[0]); entry.WSSFault != "" {
		if _, local, _ := strings.Cut(a.refusal.FaultCode, ":"); local != entry.WSSFault {
			return fmt.Errorf("the fault code is %s, not wsse:%s", a.refusal.FaultCode, entry.WSSFault)
		}
	}
	status := http.StatusInternalServerError
	if a.version == soap.SOAP12 {
		status = http.StatusBadRequest
	}
	switch {
	case a.status != status:
		return fmt.Errorf("the fault comes with HTTP %d, not %d", a.status, status)
	case a.refusal.ID == "":
		return errors.New("the fault has no Id by which the operator finds it")
	}
	return nil
}

// faultTests lists the tests of the contents of faults.
func faultTests() []serverTest {
	return []serverTest{
		{
			Requirement{"S60", "A refusal says what is wrong in Dutch, French, German and English.", "docs/faults.md"},
			testFaultLanguages,
		},
		{Requirement{
			"S61", "A fault of SOAP 1.2 comes in SOAP 1.2 with HTTP 400, when the sender is at fault.",
			"SOAP 1.2 part 2 section 7.5",
		}, testSOAP12Fault},
		{Requirement{
			"S62", "What is no XML, no SOAP, or of no known type is refused, and not with success.", "SOAP 1.1 section 6",
		}, testMalformedInput},
		{Requirement{"S63", "A message that is too large is refused with HTTP 413.", "docs/limits.md"}, testOversizedMessage},
		{Requirement{
			"S64", "A notification that exists, and is somebody else's, is refused exactly as one that does not exist.",
			"docs/permissions.md",
		}, testIndistinguishableRefusals},
	}
}

func testFaultLanguages(ctx context.Context, r *serverRun) error {
	unknown, err := newUnknownNumber()
	if err != nil {
		return err
	}
	a, err := r.requestRefusal(ctx, soap.SOAP11, unknown, r.generator, r.Key)
	if err != nil {
		return err
	}
	for _, l := range texts.Langs() {
		if a.refusal.Messages[l] == "" {
			return fmt.Errorf("nothing is said in %s", l)
		}
	}
	return nil
}

// requestRefusal asks for a notification that the caller may not see or that does not exist, and returns the refusal.
func (r *serverRun) requestRefusal(
	ctx context.Context, version soap.Version, number string, maker testmessages.Generator, key *x509id.Key,
) (*serverResponse, error) {
	request, err := maker.BuildRequest("GetNotification", testmessages.RequestValues{NotificationNumber: number})
	if err != nil {
		return nil, err
	}
	message, err := maker.Sign(version, key, request)
	if err != nil {
		return nil, err
	}
	a, err := r.postMessage(ctx, testmessages.NewMessage(version, "GetNotification", message))
	switch {
	case err != nil:
		return nil, err
	case a.parseErr != nil:
		return nil, a.parseErr
	case a.refusal == nil:
		return nil, fmt.Errorf("it is not refused: HTTP %d", a.status)
	}
	return a, nil
}

func testSOAP12Fault(ctx context.Context, r *serverRun) error {
	unknown, err := newUnknownNumber()
	if err != nil {
		return err
	}
	a, err := r.requestRefusal(ctx, soap.SOAP12, unknown, r.generator, r.Key)
	switch {
	case err != nil:
		return err
	case a.version != soap.SOAP12:
		return errors.New("it comes in SOAP 1.1")
	case a.status != http.StatusBadRequest:
		return fmt.Errorf("it comes with HTTP %d", a.status)
	}
	return nil
}

func testMalformedInput(ctx context.Context, r *serverRun) error {
	for what, sent := range map[string]testmessages.Message{
		"no XML":           {Octets: "this is no XML", ContentType: soap.SOAP11.ContentType()},
		"no SOAP":          {Octets: "<a/>", ContentType: soap.SOAP11.ContentType()},
		"of no known type": {Octets: "{}", ContentType: "application/json"},
		"empty":            {ContentType: soap.SOAP11.ContentType()},
	} {
		a, err := r.postMessage(ctx, sent)
		if err != nil {
			return err
		}
		if a.status < http.StatusBadRequest {
			return fmt.Errorf("what is %s is answered with HTTP %d", what, a.status)
		}
	}
	return nil
}

func testOversizedMessage(ctx context.Context, r *serverRun) error {
	data := strings.Repeat(" ", xmldoc.DefaultLimits().Bytes+1)
	const tries = 3 // a server that responds before it reads the whole body may close the connection early
	for range tries {
		a, err := r.postMessage(ctx, testmessages.Message{Octets: data, ContentType: soap.SOAP11.ContentType()})
		switch {
		case err != nil:
			continue
		case a.status != http.StatusRequestEntityTooLarge:
			return fmt.Errorf("it is answered with HTTP %d", a.status)
		}
		return nil
	}
	return newNotTestedError("the server closes the connection before its answer is read")
}

// unrelatedSSIN is a person of the test PKI without a care relation to the patient of the test messages.
const unrelatedSSIN = "81050511813"

func testIndistinguishableRefusals(ctx context.Context, r *serverRun) error {
	if r.notificationNumber == "" {
		return newNotTestedError("no notification was accepted")
	}
	key, err := r.FindKey("SSIN=" + unrelatedSSIN)
	if err != nil {
		return newNotTestedError("no key of somebody else is at hand")
	}
	other := r.generator
	other.Data.Author = unrelatedSSIN
	unknown, err := newUnknownNumber()
	if err != nil {
		return err
	}
	exists, err := r.requestRefusal(ctx, soap.SOAP11, r.notificationNumber, other, key)
	if err != nil {
		return err
	}
	not, err := r.requestRefusal(ctx, soap.SOAP11, unknown, other, key)
	if err != nil {
		return err
	}
	same := exists.status == not.status && exists.refusal.FaultCode == not.refusal.FaultCode &&
		exists.refusal.Code == not.refusal.Code &&
		exists.refusal.Retry == not.refusal.Retry && maps.Equal(exists.refusal.Messages, not.refusal.Messages) &&
		len(exists.body) == len(not.body) &&
		slices.EqualFunc(exists.refusal.Violations, not.refusal.Violations, func(a, b soap.Violation) bool {
			return a.Code == b.Code && a.Path == b.Path && maps.Equal(a.Messages, b.Messages)
		})
	if !same {
		return errors.New("the two are told apart")
	}
	return nil
}
