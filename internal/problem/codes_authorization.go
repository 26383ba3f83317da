package problem

// The codes of decisions. A caller who may not know that a notification exists receives NotificationNotFound in place of
// NotificationWithheld.
const (
	AuthorNotAttached Code = "AUTHOR_NOT_ATTACHED"
	NotYourOperation  Code = "NOT_YOUR_OPERATION"
	MayNotNotify      Code = "MAY_NOT_NOTIFY"
	MayNotPrepare     Code = "MAY_NOT_PREPARE"
	MayNotRead        Code = "MAY_NOT_READ"
	MayNotSearch      Code = "MAY_NOT_SEARCH_BY_IMPLANT"
	LinkRequired      Code = "THERAPEUTIC_RELATION_REQUIRED"

	NotificationNotFound Code = "NOTIFICATION_NOT_FOUND"
	NotificationWithheld Code = "NOTIFICATION_WITHHELD"

	MayNotMandate     Code = "MAY_NOT_MANDATE"
	MayNotManageStaff Code = "MAY_NOT_MANAGE_STAFF"
	RoleOfSource      Code = "ROLE_OF_AUTHENTIC_SOURCE"
	ManagerNotYours   Code = "MANAGER_NOT_YOURS_TO_END"
)

func init() {
	Register(Properties{Kind: Forbidden}, AuthorNotAttached, NotYourOperation, MayNotNotify,
		MayNotPrepare, MayNotRead, MayNotSearch, LinkRequired, MayNotMandate, MayNotManageStaff,
		RoleOfSource, ManagerNotYours)
	Register(Properties{Kind: NotFound}, NotificationNotFound)
	Register(Properties{Kind: Withheld, Public: NotificationNotFound}, NotificationWithheld)
}
