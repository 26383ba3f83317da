package ctr

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file contains the messages about delegation: mandates, and staff roles in an organisation.

// ManageMandateRequest is the request of manageMandate.
type ManageMandateRequest struct {
	Header
	Change MandateChange `x:"ctrp:Change"`
}

// MandateChange is ctrp:MandateChangeType. Exactly one of its fields is set.
type MandateChange struct {
	Grant    *MandateGrant      `x:"ctrp:Grant"`
	Accept   *MandateAcceptance `x:"ctrp:Accept"`
	End      *MandateEnd        `x:"ctrp:End"`
	Transfer *MandateTransfer   `x:"ctrp:Transfer"`
}

// MandateGrant is ctrp:MandateGrantType.
type MandateGrant struct {
	Grantee string `x:"ctrp:Grantee"`
	From    string `x:"ctrp:From"`
	To      string `x:"ctrp:To"`
}

// MandateAcceptance is ctrp:MandateAcceptanceType.
type MandateAcceptance struct {
	Grantor string `x:"ctrp:Grantor"`
}

// MandateEnd is ctrp:MandateEndType. Exactly one of its fields is set.
type MandateEnd struct {
	Grantee string `x:"ctrp:Grantee"`
	Grantor string `x:"ctrp:Grantor"`
}

// MandateTransfer is ctrp:MandateTransferType.
type MandateTransfer struct {
	Grantee string `x:"ctrp:Grantee"`
	To      string `x:"ctrp:To"`
}

// ManageMandateResponse is the response of manageMandate.
type ManageMandateResponse struct {
	Reply
	Mandate []Mandate `x:"ctrp:Mandate"`
}

// Mandate is ctr:MandateType.
type Mandate struct {
	Grantor    string `x:"ctr:Grantor"`
	Grantee    string `x:"ctr:Grantee"`
	From       string `x:"ctr:From"`
	To         string `x:"ctr:To" json:",omitempty"`
	AcceptedOn string `x:"ctr:AcceptedOn" json:",omitempty"`
	State      string `x:"ctr:State"`
}

// ListMandatesRequest is the request of listMandates.
type ListMandatesRequest struct {
	Header
	Offset      int `x:"@Offset,zero"`
	MaxElements int `x:"@MaxElements,zero"`
}

// ListMandatesResponse is the response of listMandates.
type ListMandatesResponse struct {
	Reply
	Offset      int       `x:"@Offset,zero"`
	MaxElements int       `x:"@MaxElements,zero"`
	Total       int       `x:"ctrp:Total,zero"`
	Mandate     []Mandate `x:"ctrp:Mandate"`
}

// ManageStaffRequest is the request of manageStaff.
type ManageStaffRequest struct {
	Header
	Change StaffChange `x:"ctrp:Change"`
}

// StaffChange is ctrp:StaffChangeType. Exactly one of its fields is set.
type StaffChange struct {
	Assign *StaffAssignment `x:"ctrp:Assign"`
	End    *StaffEnd        `x:"ctrp:End"`
}

// StaffAssignment is ctrp:StaffAssignmentType.
type StaffAssignment struct {
	Person string `x:"ctrp:Person"`
	Role   string `x:"ctrp:Role"`
	From   string `x:"ctrp:From"`
	To     string `x:"ctrp:To"`
}

// StaffEnd is ctrp:StaffEndType.
type StaffEnd struct {
	Person       string `x:"ctrp:Person"`
	Role         string `x:"ctrp:Role"`
	Organisation string `x:"ctrp:Organisation"`
}

// ManageStaffResponse is the response of manageStaff.
type ManageStaffResponse struct {
	Reply
	Member []StaffMember `x:"ctrp:Member"`
}

// StaffMember is ctr:StaffMemberType.
type StaffMember struct {
	Person       string `x:"ctr:Person"`
	Role         string `x:"ctr:Role"`
	From         string `x:"ctr:From"`
	To           string `x:"ctr:To" json:",omitempty"`
	State        string `x:"ctr:State"`
	Organisation string `x:"ctr:Organisation" json:",omitempty"`
}

// ListStaffRequest is the request of listStaff.
type ListStaffRequest struct {
	Header
	Offset      int `x:"@Offset,zero"`
	MaxElements int `x:"@MaxElements,zero"`
}

// ListStaffResponse is the response of listStaff.
type ListStaffResponse struct {
	Reply
	Offset      int           `x:"@Offset,zero"`
	MaxElements int           `x:"@MaxElements,zero"`
	Total       int           `x:"ctrp:Total,zero"`
	Member      []StaffMember `x:"ctrp:Member"`
}

// ToDomain converts the request to values of the domain.
func (m *ManageMandateRequest) ToDomain() access.ManageMandateRequest {
	var r fieldParser
	var change access.ManageMandateRequest
	person := func(path platform.Path, text string) ident.SSIN { return parseField(&r, path, text, ident.ParseSSIN) }
	if grant := m.Change.Grant; grant != nil {
		change.Grant = &access.MandateGrant{
			Grantee: person("Grant.Grantee", grant.Grantee),
			Period:  r.parsePeriod("Grant.Period", grant.From, grant.To),
		}
	}
	if accept := m.Change.Accept; accept != nil {
		change.Accept = &access.MandateAcceptance{Grantor: person("Accept.Grantor", accept.Grantor)}
	}
	if end := m.Change.End; end != nil {
		change.End = &access.MandateEnd{
			Grantee: person("End.Grantee", end.Grantee),
			Grantor: person("End.Grantor", end.Grantor),
		}
	}
	if transfer := m.Change.Transfer; transfer != nil {
		change.Transfer = &access.MandateTransfer{
			Grantee: person("Transfer.Grantee", transfer.Grantee),
			To:      person("Transfer.To", transfer.To),
		}
	}
	change.Defects = r.defects
	return change
}

// ToDomain converts the request to values of the domain.
func (m *ListMandatesRequest) ToDomain() platform.Page {
	return platform.Page{Offset: m.Offset, Limit: m.MaxElements}
}

// ToDomain converts the request to values of the domain.
func (m *ManageStaffRequest) ToDomain() access.ManageStaffRequest {
	var r fieldParser
	var change access.ManageStaffRequest
	if assign := m.Change.Assign; assign != nil {
		change.Assign = &access.StaffAssignment{Person: parseField(&r, "Assign.Person", assign.Person, ident.ParseSSIN),
			Role: platform.Role(assign.Role), Period: r.parsePeriod("Assign.Period", assign.From, assign.To)}
	}
	if end := m.Change.End; end != nil {
		change.End = &access.StaffEnd{
			Person: parseField(&r, "End.Person", end.Person, ident.ParseSSIN),
			Role:   platform.Role(end.Role),

			Organisation: parseField(&r, "End.Organisation", end.Organisation, ident.ParseNIHII),
		}
	}
	change.Defects = r.defects
	return change
}

// ToDomain converts the request to values of the domain.
func (m *ListStaffRequest) ToDomain() platform.Page {
	return platform.Page{Offset: m.Offset, Limit: m.MaxElements}
}

func (r *fieldParser) parsePeriod(path platform.Path, from, to string) platform.Period {
	return platform.Period{From: r.parseDate(path.Field("From"), from), To: r.parseDate(path.Field("To"), to)}
}

// NewManageMandateResponse returns the response with the changed mandates.
func NewManageMandateResponse(s ResponseInfo, all []access.MandateDetail) *ManageMandateResponse {
	return &ManageMandateResponse{Reply: s.newReply(true), Mandate: newMandates(all)}
}

// NewListMandatesResponse returns the response with a page of the caller's mandates; page is the request's.
func NewListMandatesResponse(
	s ResponseInfo, page platform.Page, found access.ListMandatesResult,
) *ListMandatesResponse {
	return &ListMandatesResponse{
		Reply:       s.newReply(found.Total > 0),
		Offset:      page.Offset,
		MaxElements: page.Limit,
		Total:       found.Total,
		Mandate:     newMandates(found.Mandates),
	}
}

func newMandates(all []access.MandateDetail) []Mandate {
	var out []Mandate
	for _, m := range all {
		out = append(out, Mandate{
			Grantor:    m.Grantor.Digits(),
			Grantee:    m.Grantee.Digits(),
			From:       m.From.String(),
			To:         m.To.String(),
			AcceptedOn: m.AcceptedOn.String(),
			State:      string(m.State),
		})
	}
	return out
}

// NewManageStaffResponse returns the response with the changed staff roles.
func NewManageStaffResponse(s ResponseInfo, all []access.StaffMember) *ManageStaffResponse {
	return &ManageStaffResponse{Reply: s.newReply(true), Member: newStaffMembers(all)}
}

// NewListStaffResponse returns the response with a page of an organisation's staff roles; page is the request's.
func NewListStaffResponse(s ResponseInfo, page platform.Page, found access.ListStaffResult) *ListStaffResponse {
	return &ListStaffResponse{
		Reply:       s.newReply(found.Total > 0),
		Offset:      page.Offset,
		MaxElements: page.Limit,
		Total:       found.Total,
		Member:      newStaffMembers(found.Members),
	}
}

func newStaffMembers(all []access.StaffMember) []StaffMember {
	var out []StaffMember
	for _, m := range all {
		out = append(out, StaffMember{
			Person: m.SSIN.Digits(),
			Role:   string(m.Role),
			From:   m.From.String(),
			To:     m.To.String(),
			State:  string(m.State),

			Organisation: m.Organisation.Digits(),
		})
	}
	return out
}
