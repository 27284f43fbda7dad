// Makes the vendor's description of Pipedrive's API v2 strict: bodies are closed to keys it does not name, and `null`
// is allowed only where the service is known to send or take it.
//
// The description as published accepts almost anything (no required keys, open objects), and forbids the nulls that the
// real service sends. Keys that only its own examples show, or that `include_fields` asks for, are accepted as well.

/** The part of the API that carnetd uses. */
const PATHS = [
  '/persons', '/persons/{id}', '/persons/{id}/picture', '/persons/search', '/organizations', '/organizations/{id}',
  '/organizations/search', '/personFields',
];

/** Where answers hold null: captured answers, and fields that a record may lack. */
const NULL_IN_ANSWERS = new Set([
  'first_name', 'last_name', 'org_id', 'update_time', 'picture_id', 'next_cursor', 'additional_data',
  // contact-sync fields, and an organization's own
  'postal_address', 'notes', 'birthday', 'job_title', 'address', 'website', 'linkedin', 'industry', 'annual_revenue',
  'employee_count',
  // parts of an address
  'country', 'admin_area_level_1', 'admin_area_level_2', 'locality', 'sublocality', 'route', 'street_number',
  'subpremise', 'postal_code',
  // search hits
  'organization', 'primary_email', 'description',
]);

/** What a change may clear. */
const NULL_IN_CHANGES = new Set(['org_id', 'postal_address', 'notes', 'birthday', 'job_title', 'address']);

/** One schema without `allOf`: closing each part of one would forbid what the other parts allow. */
function merged(schema) {
  if (!schema.allOf) return schema;
  const { allOf, ...own } = schema;
  const parts = [own, ...allOf.map(merged)];
  return {
    ...own,
    type: 'object',
    properties: Object.assign({}, ...parts.map((part) => part.properties)),
    required: parts.flatMap((part) => part.required ?? []),
  };
}

function closed(schema, example, nullable) {
  if (!schema) return schema;
  const whole = merged(schema);
  const result = { ...whole };
  if (!whole.required?.length) delete result.required;
  for (const either of ['oneOf', 'anyOf']) {
    if (whole[either]) result[either] = whole[either].map((part) => closed(part, undefined, nullable));
  }
  if (whole.items) result.items = closed(whole.items, example?.[0], nullable);
  if (whole.properties) {
    const shown = Object.keys(example instanceof Object ? example : {}).map((key) => [key, {}]);
    const named = Object.entries(whole.properties).map(([key, value]) => {
      const inner = closed(value, example?.[key], nullable);
      return [key, nullable.has(key) ? { ...inner, nullable: true } : inner];
    });
    result.properties = Object.fromEntries([...shown, ...named]);
    result.additionalProperties ??= false;
  }
  return result;
}

function closeContent(content, nullable) {
  for (const media of Object.values(content ?? {})) {
    const example = media.example ?? Object.values(media.examples ?? {})[0]?.value;
    media.schema = closed(media.schema, example, nullable);
    delete media.example;
    delete media.examples;
  }
}

/** Keys of search hits that captured answers hold, though no description names them. */
const SEEN_IN_HITS = ['primary_email', 'update_time'];

/** Lets the records of an answer hold what `include_fields` can ask for, and search hits what was seen in them. */
function allowMore(content, operation) {
  const asked = operation.parameters?.find((one) => one.name === 'include_fields')?.schema.enum ?? [];
  for (const media of Object.values(content ?? {})) {
    const { data } = media.schema.properties;
    const record = data?.items ?? data;
    for (const key of asked) if (record?.properties) record.properties[key] ??= {};
    const hit = record?.properties?.items?.items?.properties?.item;
    for (const key of SEEN_IN_HITS) if (hit) hit.properties[key] ??= {};
  }
}

/** A strict copy of the description. */
export function close(description) {
  const strict = structuredClone(description);
  strict.paths = Object.fromEntries(PATHS.map((path) => [path, strict.paths[path]]));
  for (const path of Object.values(strict.paths)) {
    for (const [method, operation] of Object.entries(path)) {
      closeContent(operation.requestBody?.content, method === 'patch' ? NULL_IN_CHANGES : new Set());
      for (const answer of Object.values(operation.responses)) {
        closeContent(answer.content, NULL_IN_ANSWERS);
        allowMore(answer.content, operation);
      }
      // The vendor declares successes only; what a refusal says is not its to judge.
      operation.responses['4XX'] = { description: 'refused' };
    }
  }
  return strict;
}

/** The query parameters that a call may carry; the service refuses others. */
export function queryOf(description, method, path) {
  const matches = ([template]) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path);
  // `/persons/search` is also `/persons/{id}` to a pattern: the one with fewer holes is meant.
  const holes = ([template]) => template.split('{').length;
  const [found] = Object.entries(description.paths).filter(matches).sort((a, b) => holes(a) - holes(b));
  const parameters = found?.[1][method.toLowerCase()]?.parameters;
  return parameters && new Set(parameters.filter((one) => one.in === 'query').map((one) => one.name));
}
