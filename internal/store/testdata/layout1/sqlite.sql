CREATE TABLE affiliation (
    organisation_base text NOT NULL,
    organisation      text NOT NULL,
    subject           integer NOT NULL,
    role              text NOT NULL,
    valid_from        text NOT NULL,
    valid_to          text NOT NULL,
    PRIMARY KEY (subject, organisation_base, role, valid_from)
) WITHOUT ROWID;
INSERT INTO "affiliation" VALUES('71000436','71000436',1,'AdministrativeStaff','2020-01-01','');
CREATE TABLE audit (
    seq          integer PRIMARY KEY,
    at           text NOT NULL,
    correlation  text NOT NULL,
    operation    text NOT NULL,
    outcome      text NOT NULL,
    codes        text NOT NULL,
    reason       text NOT NULL,
    emergency    blob NOT NULL,
    signer       text NOT NULL,
    organisation text NOT NULL,
    person       integer NOT NULL,
    capacity     text NOT NULL,
    patient      integer NOT NULL,
    number       text NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-21T10:00:00.123456Z','c-old-1','NotifyImplant','accepted','','specialist of the operation',X'','SSIN=#2','71000436',2,'doctor',1,'202611210000172');
INSERT INTO "audit" VALUES(2,'2026-11-21T10:00:00.123456Z','c-old-2','NotifyImplant','accepted','','specialist of the operation',X'','NIHII-HOSPITAL=71000436','71000436',1,'doctor',3,'202611210000271');
INSERT INTO "audit" VALUES(3,'2026-11-21T10:00:00.123456Z','c-old-3','NotifyImplant','accepted','','specialist of the operation',X'','SSIN=#2, EPD','71000436',2,'doctor',5,'202611210000370');
INSERT INTO "audit" VALUES(4,'2026-11-21T10:00:00.123456Z','c-old-4','NotifyImplant','accepted','','specialist of the operation',X'','NIHII-HOSPITAL=71000436','71000436',1,'doctor',0,'');
INSERT INTO "audit" VALUES(5,'2026-11-21T10:00:00.123456Z','c-own','ListPatientImplants','accepted','','patient''s own data',X'DF6F297A215410174CE452FFFD74116749CAFF3A016A3621E9AD54E485B825FC8AA637E0FBFA822AD3AE','SSIN=#1','',1,'doctor',1,'');
CREATE TABLE audit_checkpoint (
    number     integer PRIMARY KEY,
    seq_to     integer NOT NULL,
    row_count  integer NOT NULL,
    head       blob NOT NULL,
    at         text NOT NULL,
    key_id     text NOT NULL,
    public_key blob NOT NULL,
    previous   blob NOT NULL,
    handover   blob NOT NULL,
    signature  blob NOT NULL
);
INSERT INTO "audit_checkpoint" VALUES(1,5,5,X'26E32AFFF9C3D338634E561FB4D408CD687589E307752533309EB863D2385A5E','2026-11-21T10:01:00.123456Z','2026-11-30-g34sb432',X'6A95090C11648E7A3AC4BD13210EA75B04B7D29932D139CEB27D4CC0E3D66C96',X'0000000000000000000000000000000000000000000000000000000000000000',X'',X'290429A002B0030F9CC9A8A528EC93645E111B1BE03578CD37B6926C80AE13779A1D5DF6C0049B59F5A2573482845161843CCF99B257810EA0304220BA21B006');
CREATE TABLE current_key (
    id     integer PRIMARY KEY CHECK (id = 1),
    key_id text NOT NULL
);
INSERT INTO "current_key" VALUES(1,'2026-11-30-g34sb432');
CREATE TABLE device (
    code           text PRIMARY KEY,
    name           text NOT NULL,
    reference      text NOT NULL,
    manufacturer   text NOT NULL,
    distributor    text NOT NULL,
    classification text NOT NULL,
    category       text NOT NULL,
    udi_dis        text NOT NULL, -- in their order, one per line; device_udi finds by one of them
    status         text NOT NULL,
    valid_from     text NOT NULL,
    deleted_on     text NOT NULL,
    search_text    text NOT NULL -- what a search looks at, in small letters
, recalled_on text NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE device_staged (
    staging        text NOT NULL,
    code           text NOT NULL,
    name           text NOT NULL,
    reference      text NOT NULL,
    manufacturer   text NOT NULL,
    distributor    text NOT NULL,
    classification text NOT NULL,
    category       text NOT NULL,
    udi_dis        text NOT NULL,
    status         text NOT NULL,
    valid_from     text NOT NULL,
    deleted_on     text NOT NULL,
    recalled_on    text NOT NULL,
    search_text    text NOT NULL,
    PRIMARY KEY (staging, code)
) WITHOUT ROWID;
CREATE TABLE device_udi (
    di   text NOT NULL,
    code text NOT NULL REFERENCES device (code),
    PRIMARY KEY (di, code)
) WITHOUT ROWID;
CREATE TABLE device_udi_staged (
    staging text NOT NULL,
    di      text NOT NULL,
    code    text NOT NULL,
    PRIMARY KEY (staging, di, code)
) WITHOUT ROWID;
CREATE TABLE evidence (
    reference   text NOT NULL,
    version     integer NOT NULL,
    message     blob NOT NULL, -- compressed (RFC 1951) before it was sealed
    certificate blob NOT NULL,
    accepted    text NOT NULL,
    PRIMARY KEY (reference, version),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
INSERT INTO "evidence" VALUES('old-1',1,X'9C8D95F8CC1618897A69F406A0A870B6C3766F5A92933AE7F427BAF41059AE90D36E822B1F9E75798CAF22E7436F0DCCDFC69A24D659',X'6E0978C437BC07A1565002FD849BDFBC02CB472014F878946ACFEDAC2FDB5A4F47704068AD56B4','2026-11-21T10:00:00.123456Z');
INSERT INTO "evidence" VALUES('old-2',1,X'A0983BEA6EAD289CE742CC9644BF13B876AADBA45BFBEAF614251EDD0520F5CBD1CE45FF0A7AE6EAC717C2A16E0B5ECC741968CCFA98',X'60855A0723A21CCC76404812F0D0A1396381CC0799F55FE10BBEF4BC1DE029A78DC5C4DBBC73B9','2026-11-21T10:00:00.123456Z');
INSERT INTO "evidence" VALUES('old-3',1,X'FB79D2A03F2043B9F51CD7BA78BC56C0A9673F576678D0A77CA50D589A177863849BF257A24F92C40594E14A6D415961B432F7846924',X'8A19FE145FB90C670EB6DFEEE220FF9DF82DD5470D0CE088A9A90084E76285FAA80889EFEECECA','2026-11-21T10:00:00.123456Z');
INSERT INTO "evidence" VALUES('old-4',1,X'DE364B4FA3B26E2E001A9D2EF031A392844953EB4DDC9997EA1D6DF64B4D5A86D0D52A7D7670EAE8B5E9050F01CA1B2C918C0B1F9A43',X'1DBD892F93A77112C63039A2442A153C1B5428B564402DD4AD4341BF9BBC15F87B2A243BE76F60','2026-11-21T10:00:00.123456Z');
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-30 15:00:17');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-30 15:00:17');
INSERT INTO "goose_db_version" VALUES(3,2,1,'2026-11-30 15:00:17');
INSERT INTO "goose_db_version" VALUES(4,3,1,'2026-11-30 15:00:17');
CREATE TABLE implant (
    id               text NOT NULL, -- the same in every version of the notification that has the line
    reference        text NOT NULL,
    version          integer NOT NULL,
    line             integer NOT NULL,
    code             text NOT NULL,
    udi              text NOT NULL,
    lot              text NOT NULL,
    serial           text NOT NULL,
    expiry           text NOT NULL,
    pharmacist       integer NOT NULL,
    pharmacist_nihii text NOT NULL,
    pharmacy_nihii   text NOT NULL,
    pharmacy_cbe     text NOT NULL,
    delivery_date    text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    location         blob NOT NULL,
    side             text NOT NULL,
    udi_di           text NOT NULL,
    unregistered     boolean NOT NULL,
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
INSERT INTO "implant" VALUES('old-1-1','old-1',1,1,'000071200176','','L1','S-old-1','',4,'','','','',1,X'2442BE36C9220D24C72EFE7F81CB887E608F05DB2B44EBA9377DD0C716ADF97EE5E0882248608A19A93B','','',0);
INSERT INTO "implant" VALUES('old-2-1','old-2',1,1,'000071200176','','L1','S-old-2','',4,'','','','',1,X'94DC52B143522891535A2448B79A20AAF5D94A92957EABAC1DEA9B6CB0958965E5F3FE075A5D2BB4353F','','',0);
INSERT INTO "implant" VALUES('old-3-1','old-3',1,1,'000071200176','','L1','S-old-3','',4,'','','','',1,X'E4E9E7F7BE2B37EBDBF7991C5A01F2718113D97C441CD2FC7F42137B9DE73AD93526276F3B67195713AE','','',0);
CREATE TABLE mandate (
    grantor     integer NOT NULL,
    grantee     integer NOT NULL,
    service     text NOT NULL,
    accepted_on text NOT NULL,
    valid_from  text NOT NULL,
    valid_to    text NOT NULL,
    PRIMARY KEY (grantee, grantor, service, valid_from)
) WITHOUT ROWID;
INSERT INTO "mandate" VALUES(2,1,'CTR','','2020-01-01','');
CREATE TABLE notification (
    seq               integer PRIMARY KEY,
    reference         text NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    number            text NOT NULL,
    type              text NOT NULL,
    state             text NOT NULL,
    change            text NOT NULL, -- what made this version
    change_reason     blob NOT NULL,
    specialist        integer NOT NULL,
    specialist_nihii  text NOT NULL,
    operation_date    text NOT NULL,
    patient           integer NOT NULL,
    prescriber        integer NOT NULL,
    prescriber_nihii  text NOT NULL,
    prescription_date text NOT NULL,
    comment           blob NOT NULL,
    registered_at     text NOT NULL,
    digest            blob NOT NULL,
    signer            text NOT NULL,
    organisation      text NOT NULL,
    author            integer NOT NULL,
    input_reference   text NOT NULL,
    content_digest    blob NOT NULL,
    CONSTRAINT notification_version UNIQUE (reference, version)
);
INSERT INTO "notification" VALUES(1,'old-1',1,'202611210000172','Implantation','Final','Notified',X'',2,'16900269730','2026-11-20',1,0,'','',X'4DB30D4324B620F46AD3E3183208BC61E6C2A0CE09D8FF9250641A8A94145AEE223D402E2D6F62309C0FA482','2026-11-21T10:00:00.123456Z',X'6E99D1912563F14121E4E99A14EA65FB569E718A9C12C284F3EF8DCC8F11122A','SSIN=#2','71000436',2,'EPD 69092234126 old-1',X'480B042C5385100654740274403BB7855AC3099E7AF544312F41E4F603371AF4');
INSERT INTO "notification" VALUES(2,'old-2',1,'202611210000271','Implantation','Final','Notified',X'',1,'16900269730','2026-11-20',3,0,'','',X'D7AF76C5CA110064A861ABE0F1298D6BB6A53476D37EB08EC91DC3140047945FE14B08119C1611F4670689F5','2026-11-21T10:00:00.123456Z',X'FEAEDCE15852EB933EFA35DD212FF9CDB0986EE029D2426F217175D980C2E72C','NIHII-HOSPITAL=71000436','71000436',1,'EPD 69092234126 old-2',X'341693C98B05F8ACB604013DCF586995C7ADC4AACF6CAB3F1F69A237377389F5');
INSERT INTO "notification" VALUES(3,'old-3',1,'202611210000370','Implantation','Final','Notified',X'',2,'16900269730','2026-11-20',5,0,'','',X'0B2D1AC329EACF9047C06E23E93C4AEFA14D4B400AC6F48A79315793E59BA07919803E7D1A5D46FBE5F98E70','2026-11-21T10:00:00.123456Z',X'62936528938D1A13027A9BA43F243469C865239D8AE715F33F364099DC68AE64','SSIN=#2, EPD','71000436',2,'EPD 69092234126 old-3',X'9EDDCA1971243E5B1D10EF2D82E882C55AB83643EE09C5EE6C5BB23C6F1D1D15');
INSERT INTO "notification" VALUES(4,'old-4',1,'','Implantation','Draft','Notified',X'',2,'16900269730','2026-11-20',0,0,'','',X'','2026-11-21T10:00:00.123456Z',X'A73130B32DA9D57871A5B23E1819E12F0B2B8F5B547E18F3278CA9162860BEDE','NIHII-HOSPITAL=71000436','71000436',1,'EPD 69092234126 old-4',X'E702865FAF72194428A9BC30A189501963AACC6C0C80F0D8B4FA102CDE8384AC');
CREATE TABLE number_counter (
    day     text PRIMARY KEY,
    running integer NOT NULL
) WITHOUT ROWID;
CREATE TABLE organisation (
    id    text PRIMARY KEY, -- the first eight digits of the NIHII number, or the CBE number where there is none
    nihii text NOT NULL,
    cbe   text NOT NULL,
    type  text NOT NULL,
    name  text NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (
    reference    text PRIMARY KEY,
    specialist   integer NOT NULL,
    author       integer NOT NULL,
    organisation text NOT NULL
) WITHOUT ROWID;
INSERT INTO "pending" VALUES('old-4',2,1,'71000436');
CREATE TABLE person (
    subject integer PRIMARY KEY,
    sealed  blob NOT NULL -- names and dates of birth and death
);
INSERT INTO "person" VALUES(1,X'E2605FE747F507DB335FA217E00A36C50747F055455ACBFEB52756EC8C2D8A93D422A087AF8E69505CEA6ED4FB0A2D396397C09C0AE503FCA1717B0CE343F7AA65F5DE');
INSERT INTO "person" VALUES(2,X'4C8D75446763F6AD988420942B57B3374E7438EAA3ECD2934D245130E12B485299D261C3D424F7CE3E289147CB26211C48EAA18BFC3C4814C2');
INSERT INTO "person" VALUES(3,X'887676E534FE744C85CD1AD8C3C26B0B347DF1060A8C6D3442BF0966569EA8AD8C92AFEFFA796416D87EC52B4BFED00B40CB91EA2CC34A190A3C52');
CREATE TABLE practice (
    subject    integer NOT NULL,
    nihii      text NOT NULL,
    nihii_base text NOT NULL, -- the first eight digits name the holder, the last three a qualification
    profession text NOT NULL,
    speciality text NOT NULL,
    valid_from text NOT NULL,
    valid_to   text NOT NULL,
    PRIMARY KEY (subject, nihii, profession, valid_from)
) WITHOUT ROWID;
INSERT INTO "practice" VALUES(1,'17800389480','17800389','Physician','','2020-01-01','');
INSERT INTO "practice" VALUES(2,'16900269730','16900269','Physician','','2020-01-01','');
CREATE TABLE readiness (
    id     integer PRIMARY KEY CHECK (id = 1),
    checks integer NOT NULL
);
INSERT INTO "readiness" VALUES(1,0);
CREATE TABLE removal (
    reference      text NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    implant_id     text NOT NULL,
    quantity       integer NOT NULL CHECK (quantity >= 0), -- 0: all that remains, as long as it waits to become final
    reason         blob NOT NULL,
    remaining      integer NOT NULL CHECK (remaining >= 0),
    operation_date text NOT NULL, -- as the notification's, so that what remained on a day is one look
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE TABLE replay (
    key   blob PRIMARY KEY,
    until text NOT NULL
) WITHOUT ROWID;
CREATE TABLE sealing_key (
    id    text PRIMARY KEY,
    proof blob NOT NULL
) WITHOUT ROWID;
INSERT INTO "sealing_key" VALUES('2026-11-30-g34sb432',X'9B3244FE40105A8E4B113A702B6085390D96B529EB7B895D1487A3131F2BE495');
CREATE TABLE source_mark (
    id   integer PRIMARY KEY CHECK (id = 1),
    mark text NOT NULL
);
INSERT INTO "source_mark" VALUES(1,'6N3OT7OXTXD4C4JD64T4Z5YCLN');
CREATE TABLE source_version (
    id        integer PRIMARY KEY,
    kind      text NOT NULL,
    name      text NOT NULL,
    sequence  integer NOT NULL, -- 0 where the source numbers nothing
    form      text NOT NULL,
    day       text NOT NULL,
    row_count integer NOT NULL,
    digest    blob NOT NULL,
    loaded_at text NOT NULL
);
CREATE TABLE subject (
    id     integer PRIMARY KEY,
    person integer NOT NULL,
    sealed blob NOT NULL,
    key_id text NOT NULL
);
INSERT INTO "subject" VALUES(1,1,X'2506ED32AAD328F0CBE86910C8AF22CFD5B7DA58A3A70C5E111D052FD6D48FC3A6F273389BDE2D14621AE71C16C17C6699DC4FA7361867924BE985392110E8ABB77A6F71B006BC','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(2,2,X'9C26B5325E577104019DFF45E27F5779D61497665423C69C47F4A9931AC742522576A7068DD0E7DB200DAFA8F85B63568198E07987D4F61045CFF8C2950E5FEE7C5C9D94DF983B','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(3,3,X'B416FB729B27E5FBD5A94E9D53B6F29538F43DFB078A05F0F09310E17B955A22444C68CB30A795D73EE14AD8DCCAB0999CC41D27FCB23D9E99F0B90E9810C59D4D3520FDC7580E','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(4,4,X'F73D40B8AFC74A5AA2CB3A7A6285BC9DA8A921DBF145AAF3B1F28A2C660A06493568D5BD5CC6B98FABE758D5FC5340D54836E411FD296EEE9DCC8B6EA8F03B165071E64D245B0D','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(5,7,X'D60596B2BDF50397BE976DCF08DE86F344B54F0C76279780D7A8D60CD169DB90C81D6AA9062BACB1EF7FD80B18C4D5F5F9E90F7C1C7B33E160B5D2CE7930EB69F45C9916523615','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(6,6,X'2569E7C9219CB6248531CF8AAF2F2F877BF2127C201C75B1649F872DBC1F0367810EF9C875C2FD095D2149575D95FADB21BC62391F89E0BD3F15DC11','2026-11-30-g34sb432');
INSERT INTO "subject" VALUES(7,7,X'09EDA71CCE3EF27B27A07A3C6BDFEC01E0D9D6A2ACCC3BA2790C483633FD7B57953D65322DCAA3DE0C0A3B1E179EBCDA075B286ED6E1AAD7AA9F58B210147F1F64F678048ECD62','2026-11-30-g34sb432');
CREATE TABLE subject_lookup (
    lookup  blob CONSTRAINT subject_lookup_key PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject (id)
) WITHOUT ROWID;
INSERT INTO "subject_lookup" VALUES(X'1EDEAC0D4B46F9B3725A439D532D2DAB74D0598BE5DA487A2DB70ECD339A83D8',2);
INSERT INTO "subject_lookup" VALUES(X'5CBFFFD023C5DC4037C045F8FCB4F04942E9F51267999D48293F1C26A07F0B01',4);
INSERT INTO "subject_lookup" VALUES(X'7F7A3E0568537CB46AA5A755493F9F474BE1FC9B2F570309BD46909F554DED21',1);
INSERT INTO "subject_lookup" VALUES(X'AD8BCB09AF343AD61BE149A07932178E80C6E12EAAF54FF6D64CE8F1F71725F0',7);
INSERT INTO "subject_lookup" VALUES(X'D01E707C792B05EC356C973E76D2C653DB97FF5092E217E4E32CCF442C7208C3',3);
INSERT INTO "subject_lookup" VALUES(X'E27E82B8591479BC147B0E039DECD102AEFA0C0C68FAE6A0CC9B63CE34C04E6F',5);
INSERT INTO "subject_lookup" VALUES(X'FD85030FA1C2C78A5CB2A70BE1C64937A442C4B45F88CB28A3275B4744FD9E50',6);
CREATE TABLE submission (
    signer          text NOT NULL,
    input_reference text NOT NULL,
    reference       text NOT NULL,
    version         integer NOT NULL,
    CONSTRAINT submission_key PRIMARY KEY (signer, input_reference),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
) WITHOUT ROWID;
INSERT INTO "submission" VALUES('NIHII-HOSPITAL=71000436','EPD 69092234126 old-2','old-2',1);
INSERT INTO "submission" VALUES('NIHII-HOSPITAL=71000436','EPD 69092234126 old-4','old-4',1);
INSERT INTO "submission" VALUES('SSIN=#2','EPD 69092234126 old-1','old-1',1);
INSERT INTO "submission" VALUES('SSIN=#2, EPD','EPD 69092234126 old-3','old-3',1);
CREATE TABLE therapeutic_link (
    patient      integer NOT NULL,
    professional integer NOT NULL,
    type         text NOT NULL,
    valid_from   text NOT NULL,
    valid_to     text NOT NULL,
    PRIMARY KEY (patient, professional, type, valid_from)
) WITHOUT ROWID;
INSERT INTO "therapeutic_link" VALUES(1,2,'gp','2020-01-01','');
CREATE TABLE warning (
    reference text NOT NULL,
    version   integer NOT NULL,
    line      integer NOT NULL,
    code      text NOT NULL,
    path      text NOT NULL,
    facts     text NOT NULL,
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE INDEX subject_person ON subject (person);
CREATE INDEX practice_nihii ON practice (nihii_base);
CREATE INDEX organisation_cbe ON organisation (cbe);
CREATE INDEX affiliation_organisation ON affiliation (organisation_base, subject, role, valid_from);
CREATE INDEX therapeutic_link_professional ON therapeutic_link (professional, patient, valid_from, valid_to);
CREATE INDEX mandate_grantor ON mandate (grantor);
CREATE INDEX device_udi_code ON device_udi (code);
CREATE UNIQUE INDEX notification_number ON notification (number, version) WHERE number <> '';
CREATE INDEX notification_patient ON notification (patient, operation_date);
CREATE INDEX notification_specialist ON notification (specialist);
CREATE INDEX pending_specialist ON pending (specialist);
CREATE INDEX pending_author ON pending (author);
CREATE INDEX pending_organisation ON pending (organisation);
CREATE INDEX implant_id ON implant (id);
CREATE INDEX implant_code ON implant (code, udi_di) WHERE code <> '';
CREATE INDEX implant_lot ON implant (lot) WHERE lot <> '';
CREATE INDEX implant_serial ON implant (serial) WHERE serial <> '';
CREATE INDEX implant_udi_di ON implant (udi_di) WHERE udi_di <> '';
CREATE INDEX removal_implant ON removal (implant_id);
CREATE INDEX replay_until ON replay (until);
CREATE TRIGGER notification_no_update BEFORE UPDATE ON notification
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
CREATE TRIGGER notification_no_delete BEFORE DELETE ON notification
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
CREATE TRIGGER implant_no_update BEFORE UPDATE ON implant
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
CREATE TRIGGER implant_no_delete BEFORE DELETE ON implant
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
CREATE TRIGGER removal_no_update BEFORE UPDATE ON removal
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
CREATE TRIGGER removal_no_delete BEFORE DELETE ON removal
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
CREATE TRIGGER warning_no_update BEFORE UPDATE ON warning
BEGIN
    SELECT RAISE(ABORT, 'warning is append-only');
END;
CREATE TRIGGER warning_no_delete BEFORE DELETE ON warning
BEGIN
    SELECT RAISE(ABORT, 'warning is append-only');
END;
CREATE TRIGGER submission_no_update BEFORE UPDATE ON submission
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
CREATE TRIGGER submission_no_delete BEFORE DELETE ON submission
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE INDEX audit_checkpoint_seq ON audit_checkpoint (seq_to, number);
CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;
CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;
CREATE INDEX source_version_kind ON source_version (kind, id);
CREATE TRIGGER source_version_no_update BEFORE UPDATE ON source_version
BEGIN
    SELECT RAISE(ABORT, 'source_version is append-only');
END;
CREATE TRIGGER source_version_no_delete BEFORE DELETE ON source_version
BEGIN
    SELECT RAISE(ABORT, 'source_version is append-only');
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('goose_db_version',4);
