// The official JavaScript clients on a real installation: AICORE_SERVICE_KEY says where, the last line says how it went.
import { ArtifactApi, ConfigurationApi, DeploymentApi, ExecutableApi, ScenarioApi } from '@sap-ai-sdk/ai-api';
import { AzureOpenAiChatClient } from '@sap-ai-sdk/foundation-models';
import assert from 'node:assert/strict';

const group = { 'AI-Resource-Group': 'default' };
const scenarioId = 'custom-server';

async function until(what, condition) {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert(Date.now() < end, `After 60 s still not: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const deployment = (id) => DeploymentApi.deploymentGet(id, {}, group).execute();
const inStatus = (id, status) =>
  until(status, async () => (await deployment(id)).status === status);

const scenarios = await ScenarioApi.scenarioQuery(group).execute();
assert(scenarios.resources.some(({ id }) => id === scenarioId));
const [executable] = (await ExecutableApi.executableQuery(scenarioId, {}, group).execute()).resources;
const artifact = await ArtifactApi.artifactCreate(
  { name: 'A model', kind: 'model', url: 'https://models.example.com/model', scenarioId },
  group
).execute();
const found = await ArtifactApi.artifactQuery({ $search: 'MODEL', searchCaseInsensitive: true }, group).execute();
assert.deepEqual(found.resources.map(({ id }) => id), [artifact.id]);

const [first, second] = await Promise.all(
  ['one', 'two'].map((name) =>
    ConfigurationApi.configurationCreate({ name, scenarioId, executableId: executable.id }, group).execute()
  )
);
const { id } = await DeploymentApi.deploymentCreate({ configurationId: first.id }, group).execute();
assert.equal((await deployment(id)).deploymentUrl, '');
await inStatus(id, 'RUNNING');

// The other client finds its way to the same deployment by itself, at the address of the API.
const chat = new AzureOpenAiChatClient({ deploymentId: id });
const answer = await chat.run({ messages: [{ role: 'user', content: 'flowers' }] });
const echoed = answer.rawResponse.data;
assert.match(echoed.path, /^\/chat\/completions\?/);
assert.deepEqual(JSON.parse(echoed.body).messages, [{ role: 'user', content: 'flowers' }]);

await DeploymentApi.deploymentModify(id, { configurationId: second.id }, group).execute();
await until('the other configuration runs', async () => {
  const { latestRunningConfigurationId, status } = await deployment(id);
  return latestRunningConfigurationId === second.id && status === 'RUNNING';
});
const logs = await DeploymentApi.kubesubmitV4DeploymentsGetLogs(id, { $top: 5 }, {}).execute();
assert(logs.data.result.length > 0);
await DeploymentApi.deploymentModify(id, { targetStatus: 'STOPPED' }, group).execute();
await inStatus(id, 'STOPPED');
await DeploymentApi.deploymentDelete(id, group).execute();
await until('nothing of it is left', async () => {
  const { count } = await DeploymentApi.deploymentQuery({}, group).execute();
  return count === 0;
});
console.log('went all the way');
