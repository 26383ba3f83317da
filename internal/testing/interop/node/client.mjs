// Walks through the main job of a register: a notification, its search, its implant card, an explantation, and a refusal.

import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

import { Refusal, Register, professional } from './register.mjs';

const SURGEON = '78031412250';
const PATIENT = '48022907379';

// daysAgo is a day as XML writes it. A Date will not do: soap writes it with its time.
const daysAgo = (days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

// implantation is that of a component of a knee, two days ago.
function implantation(serial, { prescribed = daysAgo(19), lot } = {}) {
  return {
    Specialist: { SSIN: SURGEON },
    OperationDate: daysAgo(2),
    Patient: PATIENT,
    Prescriber: { NIHII: '17800389480' },
    PrescriptionDate: prescribed,
    Comment: 'revision of the left knee',
    Implant: [
      {
        NotificationCode: '000071200176',
        UDI: `(01)05410000001047(17)291231(10)L2201(21)${serial}`,
        ...(lot && { LotNumber: lot }),
        Quantity: 1,
        Location: 'left knee',
        Side: 'Left',
      },
    ],
  };
}

function expect(condition, what) {
  if (!condition) {
    throw new Error(`not as expected: ${what}`);
  }
}

async function walk(register, cardFile) {
  const serial = `N-${randomBytes(6).toString('hex').toUpperCase()}`;
  const reference = `NODE-${randomBytes(8).toString('hex')}`;

  const placed = await register.call('notifyImplant', {
    InputReference: reference, // the same again, after a lost answer, gives the same receipt and stores nothing
    Save: 'Final',
    Implantation: implantation(serial),
  });
  const number = placed.Receipt.NotificationNumber;
  const [implant] = placed.Implant;
  expect(implant.LotNumber === 'L2201' && implant.SerialNumber === serial, 'lot and serial number come from the UDI');
  expect(implant.ExpiryDate.toISOString().startsWith('2029-12-31'), 'the expiry date comes from the UDI');
  expect(!placed.Warning, 'no warning');

  const found = await register.call(
    'search',
    { Criteria: { ByNotification: { NotificationNumber: number } } },
    { Offset: 0, MaxElements: 20 },
  );
  expect(found.Total === 1 && found.Notification[0].NotificationNumber === number, 'the search finds the notification');

  const card = await register.card({ NotificationNumber: number });
  expect(createHash('sha256').update(card.Content).digest('base64') === card.Digest, 'the digest of the card is that of its content');
  await writeFile(cardFile, card.Content);

  const removed = await register.call('notifyExplant', {
    InputReference: `${reference}-x`,
    Explantation: {
      Specialist: { SSIN: SURGEON },
      OperationDate: daysAgo(1),
      Patient: PATIENT,
      Explant: [{ ImplantId: implant.ImplantId, Quantity: 1, Reason: 'loosening' }],
    },
  });
  expect(Number(removed.Implant[0].Remaining) === 0, 'nothing remains of the implant');

  const refused = await refusalOf(
    register.call('notifyImplant', {
      InputReference: `${reference}-w`,
      Implantation: implantation(serial, { prescribed: daysAgo(0), lot: 'L9999' }),
    }),
  );
  expect(
    refused.violations.map(({ code }) => code).join() === 'PRESCRIPTION_AFTER_OPERATION,LOT_CONTRADICTS_UDI',
    'both mistakes are told',
  );

  return {
    number,
    device: implant.Device.Name,
    found: found.Total,
    card: cardFile,
    explanted: removed.Receipt.NotificationNumber,
    refused: { code: refused.code, message: refused.message, violations: refused.violations },
  };
}

async function refusalOf(call) {
  try {
    await call;
  } catch (error) {
    if (error instanceof Refusal) {
      return error;
    }
    throw error;
  }
  throw new Error('not as expected: a notification with two mistakes is refused');
}

async function main() {
  const text = { type: 'string' };
  const { values: options } = parseArgs({
    options: {
      url: text, // the service's address, ending in /ctr/v1
      ca: text, // PEM file of whom to trust for TLS
      p12: text, // the file that signs
      'password-file': text, // file with its password
      card: text, // where to write the implant card
      soap: { ...text, default: '1.1' }, // or 1.2
      mtom: { type: 'boolean', default: false },
    },
  });
  for (const name of ['url', 'ca', 'p12', 'password-file', 'card']) {
    if (!options[name]) {
      throw new Error(`--${name} is missing`);
    }
  }
  const { soap, mtom } = options;
  const register = await Register.open({
    url: options.url,
    ca: options.ca,
    p12: options.p12,
    password: (await readFile(options['password-file'], 'utf8')).replace(/\r?\n$/, ''),
    author: professional(SURGEON, 'Anna', 'Claes'),
    soap12: soap === '1.2',
    mtom,
  });
  const { version } = createRequire(import.meta.url)('soap/package.json');
  const told = { toolkit: `node-soap ${version}, Node ${process.versions.node}`, soap, key: register.keyType, mtom };
  console.log(JSON.stringify({ ...told, ...(await walk(register, options.card)) }));
}

main().catch((error) => {
  const places = (error.violations ?? []).map(({ code, path }) => `\n  ${code} ${path ?? ''}`);
  console.error(error.message + places.join(''));
  process.exitCode = 1;
});
