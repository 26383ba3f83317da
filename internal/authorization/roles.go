package authorization

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// MayActInside decides whether a person may act inside the signing organisation at all: the authentic source or the
// organisation must attach them to it. The day is decided by each action.
func MayActInside(person ident.SSIN, affiliations []platform.Affiliation) error {
	if person.IsZero() || len(affiliations) == 0 {
		return problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	return nil
}

// MayGrantMandate decides who may grant a mandate or transfer one.
func MayGrantMandate(c platform.Caller, today ident.Date) (string, error) {
	if err := MayActPersonally(c); err != nil {
		return "", err
	}
	if c.CapacityOn(today) != platform.CapacityDoctor {
		return "", problem.New(MayNotMandate)
	}
	return "doctor, grantor of the mandate", nil
}

// MayActPersonally decides who may perform the actions that are open to everyone in their own name. An organisation
// that names a person as the author proves nothing about what the person wants: it may have named them its staff by
// itself. So only the person's own certificate counts.
func MayActPersonally(c platform.Caller) error {
	if !c.Organisation().IsZero() {
		return problem.New(PersonalCertificate)
	}
	return nil
}

// RoleChange is a person's role that begins or ends.
type RoleChange struct {
	Role     platform.Role
	Person   ident.SSIN
	IsEnding bool
}

// MayRefuseRole decides who may end a role of their own, with their own certificate: whoever an organisation gave it.
func MayRefuseRole(c platform.Caller, m RoleChange, path platform.Path) (string, error) {
	switch {
	case !c.Organisation().IsZero() || !m.IsEnding || m.Person != c.Person():
		return "", problem.New(MayNotManageStaff)
	case !m.Role.IsAssignable():
		return "", problem.New(RoleOfSource).WithPath(path.Field("Role").String())
	}
	return "holder of the role", nil
}

// MayManageRole decides who may assign and end roles in the signing organisation.
func MayManageRole(c platform.Caller, m RoleChange, path platform.Path, today ident.Date) (string, error) {
	reason, err := MaySeeStaff(c, today)
	switch {
	case err != nil:
		return "", err
	case !m.Role.IsAssignable():
		return "", problem.New(RoleOfSource).WithPath(path.Field("Role").String())
	case m.Role == platform.RoleManager && m.IsEnding && m.Person != c.Person() &&
		!c.HasRole(platform.RoleChiefManager, today):
		return "", problem.New(ManagerNotYours).WithPath(path.Field("Role").String())
	}
	return reason, nil
}

// MaySeeStaff decides who may see the roles in the signing organisation: only its access managers.
func MaySeeStaff(c platform.Caller, today ident.Date) (string, error) {
	switch {
	case c.HasRole(platform.RoleChiefManager, today):
		return "chief access manager of the organisation", nil
	case c.HasRole(platform.RoleManager, today):
		return "access manager of the organisation", nil
	case !c.IsAttachedOn(today):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	return "", problem.New(MayNotManageStaff)
}
