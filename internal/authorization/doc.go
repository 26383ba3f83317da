// Package authorization decides who may do what. It is separate, and holds nothing else, so that every decision can be
// reviewed in one place: a decision is a pure function of a caller, small values and a day; it returns a reason, which
// the audit log stores, or a refusal. The registers and the platform's services load the facts and call it. It knows
// nothing of stores, messages or the content of a register.
//
//	action               | operating doctor        | other doctor            | staff of the doctor's     | patient,
//	                     |                         |                         | organisation, or mandated | others
//	notify or revise as  | yes, the own surgery    | only when mandated      | yes                       | no
//	  Draft, Submit      |                         |                         |                           |
//	see, discard pending | yes, the own surgery    | only when mandated      | yes                       | no
//	notify as Final,     | yes, the own surgery    | no                      | no                        | no
//	  validate, revise,  |                         |                         |                           |
//	  withdraw           |                         |                         |                           |
//	search by patient,   | own notifications; all  | all with a care         | no                        | own data
//	  list, card         |   for 15 months, or     |   relation that day, or |                           |
//	                     |   with a relation       |   in an emergency       |                           |
//	search by implant    | own notifications; all  | all with a relation     | no                        | no
//	                     |   with a relation       |                         |                           |
//	read by number       | own, or with a relation | with a relation, or in  | no                        | own data
//	                     |                         |   an emergency          |                           |
//	search the devices   | yes                     | yes                     | yes                       | yes
//	grant, transfer a    | yes                     | yes                     | no                        | no
//	  mandate *          |                         |                         |                           |
//	accept a mandate *   | as grantee              | as grantee              | as grantee                | as grantee
//	end a mandate *      | as either party         | as either party         | as either party           | as either
//	                     |                         |                         |                           |   party
//	list mandates *      | own                     | own                     | own                       | own
//	list who used one's  | own                     | own                     | own                       | own
//	  data *             |                         |                         |                           |
//	list, refuse roles * | own                     | own                     | own                       | own
//
// What has a * needs the person's own certificate: an author whom an organisation names need not know of it. Staff act
// for the professionals of their own organisation only, and have nothing of the mandates of others.
//
// Managing the roles in an organisation, which signs, depends on the caller's role there only. Whoever holds a role
// that an organisation gave may refuse it:
//
//	action               | chief access manager     | access manager           | others
//	assign, end          | yes                      | yes                      | no
//	  AdministrativeStaff|                          |                          |
//	assign AccessManager | yes                      | yes                      | no
//	end AccessManager    | yes                      | only their own           | no
//	assign, end any      | no                       | no                       | no
//	  other role         |                          |                          |
//	list the staff       | yes                      | yes                      | no
//
// docs/permissions.md has the same tables with the refusals, and TestPermissions checks every cell of them.
//
// Which day counts: a read needs its right on the day of the request. A final notification needs it on the surgery
// date, on which the author must also be attached to the signing organisation. Anyone who prepares a notification must
// be attached today; if they prepare as staff, the doctor must be attached on the surgery date. A mandate must be
// accepted and in force today, and inside an organisation its grantor must be a professional of it today. A management
// role must be in force today, in the signing organisation; it includes no staff rights.
//
// No right follows from the unconfirmed word of whoever gains it. The relation of a surgery is derived from the
// notifications in force, ends with them, and is audited apart ([platform.ReasonOwnSurgery]). A relation with the type
// of a letter, a consultation or a file comes from the authentic source.
//
// Inside an organisation, a person acts as a doctor only if the authentic source attaches them to it as a professional:
// otherwise an access manager could make any doctor one of the organisation and act in that doctor's name.
package authorization
