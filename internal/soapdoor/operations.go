package soapdoor

import (
	"context"
	"fmt"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// operation is an operation of the contract with its handler.
type operation struct {
	name   string
	handle func(context.Context, *Service, *requestState, xmldoc.Element) ([]byte, error)
}

// operations lists the operations of the service. Their contract is declared in ctr.Contract.
var operations = []operation{
	{"NotifyImplant", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.NotifyImplantRequest) (*ctr.NotifyResponse, error) {
		submission, content := m.ToDomain()
		receipt, err := s.registrar.NotifyImplant(ctx, caller, submission, content)
		return ctr.NewNotifyResponse(stamp, "NotifyImplantRequest", receipt), err
	})},
	{"NotifyExplant", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.NotifyExplantRequest) (*ctr.NotifyResponse, error) {
		submission, content := m.ToDomain()
		receipt, err := s.registrar.NotifyExplant(ctx, caller, submission, content)
		return ctr.NewNotifyResponse(stamp, "NotifyExplantRequest", receipt), err
	})},
	{"Search", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.SearchRequest) (*ctr.SearchResponse, error) {
		criteria := m.ToDomain()
		found, err := s.registrar.Search(ctx, caller, criteria)
		return ctr.NewSearchResponse(stamp, criteria.Page, found), err
	})},
	{"GetImplantCard", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.GetImplantCardRequest) (*ctr.GetImplantCardResponse, error) {
		content, err := s.registrar.GetImplantCard(ctx, caller, m.ToDomain())
		if err != nil {
			return nil, err
		}
		pdf, err := card.Render(content)
		return ctr.NewCardResponse(stamp, card.FileName(content), pdf), err
	})},
	{"ListPatientImplants", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ListPatientImplantsRequest) (*ctr.ListPatientImplantsResponse, error) {
		query := m.ToDomain()
		list, err := s.registrar.ListPatientImplants(ctx, caller, query)
		return ctr.NewListPatientImplantsResponse(stamp, query.Page, list), err
	})},
	{"GetNotification", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.GetNotificationRequest) (*ctr.GetNotificationResponse, error) {
		described, err := s.registrar.GetNotification(ctx, caller, m.ToDomain())
		return ctr.NewGetNotificationResponse(stamp, "GetNotificationRequest", described), err
	})},
	{"ReviseNotification", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ReviseNotificationRequest) (*ctr.ReviseNotificationResponse, error) {
		receipt, err := s.registrar.ReviseNotification(ctx, caller, m.ToDomain())
		return ctr.NewReviseResponse(stamp, "ReviseNotificationRequest", receipt), err
	})},
	{"ValidateNotification", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ValidateNotificationRequest) (*ctr.ValidateNotificationResponse, error) {
		receipt, err := s.registrar.ValidateNotification(ctx, caller, m.ToDomain())
		return ctr.NewValidateResponse(stamp, "ValidateNotificationRequest", receipt), err
	})},
	{"DiscardNotification", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.DiscardNotificationRequest) (*ctr.DiscardNotificationResponse, error) {
		receipt, err := s.registrar.DiscardNotification(ctx, caller, m.ToDomain())
		return ctr.NewDiscardResponse(stamp, receipt), err
	})},
	{"ListPendingNotifications", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ListPendingNotificationsRequest) (*ctr.ListPendingNotificationsResponse, error) {
		query := m.ToDomain()
		found, err := s.registrar.ListPendingNotifications(ctx, caller, query)
		return ctr.NewListPendingNotificationsResponse(stamp, query.Page, found), err
	})},
	{"SearchDevice", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.SearchDeviceRequest) (*ctr.SearchDeviceResponse, error) {
		query := m.ToDomain()
		found, err := s.registrar.SearchDevice(ctx, caller, query)
		return ctr.NewSearchDeviceResponse(stamp, query.Page, found), err
	})},
	{"ManageMandate", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ManageMandateRequest) (*ctr.ManageMandateResponse, error) {
		changed, err := s.registrar.ManageMandate(ctx, caller, m.ToDomain())
		return ctr.NewManageMandateResponse(stamp, changed), err
	})},
	{"ListMandates", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ListMandatesRequest) (*ctr.ListMandatesResponse, error) {
		page := m.ToDomain()
		found, err := s.registrar.ListMandates(ctx, caller, page)
		return ctr.NewListMandatesResponse(stamp, page, found), err
	})},
	{"ManageStaff", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ManageStaffRequest) (*ctr.ManageStaffResponse, error) {
		changed, err := s.registrar.ManageStaff(ctx, caller, m.ToDomain())
		return ctr.NewManageStaffResponse(stamp, changed), err
	})},
	{"ListStaff", newHandler(func(ctx context.Context, s *Service, caller implants.Caller, stamp ctr.ResponseInfo, m *ctr.ListStaffRequest) (*ctr.ListStaffResponse, error) {
		page := m.ToDomain()
		found, err := s.registrar.ListStaff(ctx, caller, page)
		return ctr.NewListStaffResponse(stamp, page, found), err
	})},
}

// requestMessage is implemented by every request struct of the contract.
type requestMessage[M any] interface {
	*M
	AuthorIDs() implants.Author
	RequestID() string
}

// newHandler builds an operation's handler: decode, identify the caller, act, encode. It maps the paths in the
// registrar's refusals to XPaths into the request.
func newHandler[M, R any, P requestMessage[M]](act func(context.Context, *Service, implants.Caller, ctr.ResponseInfo, P) (*R, error)) func(context.Context, *Service, *requestState, xmldoc.Element) ([]byte, error) {
	return func(ctx context.Context, s *Service, c *requestState, e xmldoc.Element) ([]byte, error) {
		decoded, err := ctr.Decode[M](e)
		if err != nil {
			return nil, fmt.Errorf("decode what the schema accepted: %w", err)
		}
		m := P(decoded)
		caller, err := s.registrar.Identify(ctx, c.message, m.AuthorIDs())
		if err != nil {
			return nil, withRequestPaths(c, err)
		}
		c.auditedByRegistrar = true // from here on the registrar records the outcome
		stamp := ctr.ResponseInfo{ID: "_" + c.message.Correlation, InResponseTo: m.RequestID(), IssuedAt: s.now()}
		response, err := act(ctx, s, caller, stamp, m)
		if err != nil {
			return nil, withRequestPaths(c, err)
		}
		return ctr.Encode(c.message.Operation+"Response", response)
	}
}

func withRequestPaths(c *requestState, err error) error {
	return ctr.WithRequestPaths(c.message.Operation+"Request", problem.From(err))
}
