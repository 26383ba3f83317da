package authorization

import "github.com/openctr/ctr/internal/problem"

// The codes of decisions. A caller who may not know that a notification exists receives NotificationNotFound instead of
// NotificationWithheld.
const (
	AuthorNotAttached problem.Code = "AUTHOR_NOT_ATTACHED"
	NotYourOperation  problem.Code = "NOT_YOUR_OPERATION"
	MayNotNotify      problem.Code = "MAY_NOT_NOTIFY"
	MayNotPrepare     problem.Code = "MAY_NOT_PREPARE"
	MayNotRead        problem.Code = "MAY_NOT_READ"
	MayNotSearch      problem.Code = "MAY_NOT_SEARCH_BY_IMPLANT"
	LinkRequired      problem.Code = "THERAPEUTIC_RELATION_REQUIRED"

	NotificationNotFound problem.Code = "NOTIFICATION_NOT_FOUND"
	NotificationWithheld problem.Code = "NOTIFICATION_WITHHELD"

	MayNotMandate       problem.Code = "MAY_NOT_MANDATE"
	PersonalCertificate problem.Code = "PERSONAL_CERTIFICATE_REQUIRED"
	MayNotManageStaff   problem.Code = "MAY_NOT_MANAGE_STAFF"
	RoleOfSource        problem.Code = "ROLE_OF_AUTHENTIC_SOURCE"
	ManagerNotYours     problem.Code = "MANAGER_NOT_YOURS_TO_END"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Forbidden}, AuthorNotAttached, NotYourOperation, MayNotNotify,
		MayNotPrepare, MayNotRead, MayNotSearch, LinkRequired, MayNotMandate, PersonalCertificate, MayNotManageStaff,
		RoleOfSource, ManagerNotYours)
	problem.Register(problem.Properties{Kind: problem.NotFound}, NotificationNotFound)
	problem.Register(problem.Properties{Kind: problem.Withheld, Public: NotificationNotFound}, NotificationWithheld)
}
