package endpoint

import (
	"context"
	"fmt"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/card"
	"github.com/openctr/ctr/internal/wire"
)

// operation is one row of the table: the operation's name in the contract, and what it does with a checked request.
type operation struct {
	name string
	run  func(context.Context, *Service, *call, xmldoc.Element) ([]byte, error)
}

// operations is the one table of what the service does.
var operations = []operation{
	{"NotifyImplant", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.NotifyImplantRequest) (*wire.NotifyResponse, error) {
		submission, content := m.Domain()
		receipt, err := s.registrar.NotifyImplant(ctx, who, submission, content)
		return wire.NewNotifyResponse(st, "NotifyImplantRequest", receipt), err
	})},
	{"NotifyExplant", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.NotifyExplantRequest) (*wire.NotifyResponse, error) {
		submission, content := m.Domain()
		receipt, err := s.registrar.NotifyExplant(ctx, who, submission, content)
		return wire.NewNotifyResponse(st, "NotifyExplantRequest", receipt), err
	})},
	{"Search", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.SearchRequest) (*wire.SearchResponse, error) {
		criteria := m.Domain()
		found, err := s.registrar.Search(ctx, who, criteria)
		return wire.NewSearchResponse(st, criteria.Page, found), err
	})},
	{"GetImplantCard", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.GetImplantCardRequest) (*wire.GetImplantCardResponse, error) {
		content, err := s.registrar.Card(ctx, who, m.Domain())
		if err != nil {
			return nil, err
		}
		pdf, err := card.Render(content)
		return wire.NewCardResponse(st, card.FileName(content), pdf), err
	})},
	{"ListPatientImplants", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ListPatientImplantsRequest) (*wire.ListPatientImplantsResponse, error) {
		query := m.Domain()
		list, err := s.registrar.PatientImplants(ctx, who, query)
		return wire.NewListPatientImplantsResponse(st, query.Page, list), err
	})},
	{"GetNotification", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.GetNotificationRequest) (*wire.GetNotificationResponse, error) {
		described, err := s.registrar.Notification(ctx, who, m.Domain())
		return wire.NewGetNotificationResponse(st, "GetNotificationRequest", described), err
	})},
	{"ReviseNotification", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ReviseNotificationRequest) (*wire.ReviseNotificationResponse, error) {
		receipt, err := s.registrar.Revise(ctx, who, m.Domain())
		return wire.NewReviseResponse(st, "ReviseNotificationRequest", receipt), err
	})},
	{"ValidateNotification", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ValidateNotificationRequest) (*wire.ValidateNotificationResponse, error) {
		receipt, err := s.registrar.Validate(ctx, who, m.Domain())
		return wire.NewValidateResponse(st, "ValidateNotificationRequest", receipt), err
	})},
	{"DiscardNotification", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.DiscardNotificationRequest) (*wire.DiscardNotificationResponse, error) {
		receipt, err := s.registrar.Discard(ctx, who, m.Domain())
		return wire.NewDiscardResponse(st, receipt), err
	})},
	{"ListPendingNotifications", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ListPendingNotificationsRequest) (*wire.ListPendingNotificationsResponse, error) {
		asked := m.Domain()
		found, err := s.registrar.Pending(ctx, who, asked)
		return wire.NewListPendingNotificationsResponse(st, asked.Page, found), err
	})},
	{"SearchDevice", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.SearchDeviceRequest) (*wire.SearchDeviceResponse, error) {
		asked := m.Domain()
		found, err := s.registrar.SearchDevice(ctx, who, asked)
		return wire.NewSearchDeviceResponse(st, asked.Page, found), err
	})},
	{"ManageMandate", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ManageMandateRequest) (*wire.ManageMandateResponse, error) {
		changed, err := s.registrar.ManageMandate(ctx, who, m.Domain())
		return wire.NewManageMandateResponse(st, changed), err
	})},
	{"ListMandates", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ListMandatesRequest) (*wire.ListMandatesResponse, error) {
		page := m.Domain()
		found, err := s.registrar.Mandates(ctx, who, page)
		return wire.NewListMandatesResponse(st, page, found), err
	})},
	{"ManageStaff", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ManageStaffRequest) (*wire.ManageStaffResponse, error) {
		changed, err := s.registrar.ManageStaff(ctx, who, m.Domain())
		return wire.NewManageStaffResponse(st, changed), err
	})},
	{"ListStaff", on(func(ctx context.Context, s *Service, who register.Caller, st wire.Stamp, m *wire.ListStaffRequest) (*wire.ListStaffResponse, error) {
		page := m.Domain()
		found, err := s.registrar.Staff(ctx, who, page)
		return wire.NewListStaffResponse(st, page, found), err
	})},
}

// message is what every request struct of the contract can say of itself.
type message[M any] interface {
	*M
	Who() register.Author
	RequestID() string
}

// on makes a row's function: decode, identify the caller, act, encode. The register's refusals speak of places in the
// domain's words; they go out as XPaths into the request.
func on[M, R any, P message[M]](act func(context.Context, *Service, register.Caller, wire.Stamp, P) (*R, error)) func(context.Context, *Service, *call, xmldoc.Element) ([]byte, error) {
	return func(ctx context.Context, s *Service, c *call, e xmldoc.Element) ([]byte, error) {
		decoded, err := wire.Decode[M](e)
		if err != nil {
			return nil, fmt.Errorf("decode what the schema accepted: %w", err)
		}
		m := P(decoded)
		caller, err := s.registrar.Identify(ctx, c.message, m.Who())
		if err != nil {
			return nil, place(c, err)
		}
		c.concluded = true // from here on the register records how the request ends
		stamp := wire.Stamp{ID: "_" + c.message.Correlation, InResponseTo: m.RequestID(), At: s.now()}
		response, err := act(ctx, s, caller, stamp, m)
		if err != nil {
			return nil, place(c, err)
		}
		return wire.Encode(c.message.Operation+"Response", response)
	}
}

func place(c *call, err error) error {
	return wire.Place(c.message.Operation+"Request", problem.From(err))
}
