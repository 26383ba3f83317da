package batch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// SendTo returns the function Send of a Sender for a service. completeHeader sets the identifier, the time and the
// author of a request; language is that of the messages in findings.
func SendTo(
	c *client.Client, completeHeader func(*ctr.Header), language texts.Lang,
) func(context.Context, *ctr.NotifyImplantRequest) Answer {
	return func(ctx context.Context, request *ctr.NotifyImplantRequest) Answer {
		completeHeader(&request.Header)
		response, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](ctx, c, "NotifyImplant", request)
		if err != nil {
			return classifyError(err, language)
		}
		return acceptedAnswer(response)
	}
}

func acceptedAnswer(response *ctr.NotifyResponse) Answer {
	accepted := Answer{
		Verdict:   VerdictAccepted,
		Number:    response.Receipt.NotificationNumber,
		Reference: response.Receipt.Reference,
	}
	for _, implant := range response.Implant {
		accepted.Implants = append(accepted.Implants, implant.ImplantID)
	}
	for _, w := range response.Warning {
		accepted.Findings = append(accepted.Findings, Finding{Code: w.Code, Implant: implantIndex(w.Path)})
	}
	return accepted
}

// notAuthenticatedCode is the platform's code for a caller who is not authenticated.
const notAuthenticatedCode = "SOA-01001"

// callerRefusalCodes are refusals of the caller, which do not depend on the notification.
var callerRefusalCodes = []problem.Code{platform.CertificateUnfit, platform.CertificateCBE, platform.AuthorRequired,
	platform.AuthorAmbiguous, platform.AuthorDisagrees}

// classifyError returns the meaning of an error for the rest of the run.
func classifyError(err error, language texts.Lang) Answer {
	refusal, refused := errors.AsType[*soap.Refusal](err)
	if !refused {
		return Answer{Verdict: VerdictRetry, Err: err}
	}
	a := Answer{Verdict: VerdictRejected, Err: err}
	hasFailed := false
	for _, v := range refusal.Violations {
		hasFailed = hasFailed || problem.Code(v.Code) == problem.InternalError
		if slices.Contains(callerRefusalCodes, problem.Code(v.Code)) {
			a.Verdict = VerdictAbort
		}
		_, path, found := strings.Cut(v.Path, "Implantation/")
		message := v.Messages[language]
		if found {
			message = strings.ReplaceAll(path, "ctr:", "") + ": " + message
		}
		a.Findings = append(a.Findings, Finding{Code: v.Code, Implant: implantIndex(v.Path), Message: message})
	}
	if len(a.Findings) == 0 {
		a.Findings = []Finding{{Code: refusal.Code, Message: refusal.Messages[language]}}
	}
	switch {
	case hasFailed: // whatever its Retry says: older services said false
		a.Verdict, a.Err = VerdictFailed, errors.New(refusal.Error()) // no refusal of the notification
	case refusal.Retry:
		a.Verdict, a.Err = VerdictRetry, fmt.Errorf(
			"%w: the service asks to retry later: %s", client.ErrUnreachable, refusal.Error(),
		)
	case refusal.Code == notAuthenticatedCode:
		a.Verdict = VerdictAbort
	}
	return a
}

var implantPathPattern = regexp.MustCompile(`/ctr:Implant\[([0-9]{1,2})\]`)

// implantIndex returns the implant to which a path in a request belongs, from 1, or 0 for none.
func implantIndex(path string) int {
	match := implantPathPattern.FindStringSubmatch(path)
	if match == nil {
		return 0
	}
	index, _ := strconv.Atoi(match[1]) // at most two digits, so no error
	return index
}
