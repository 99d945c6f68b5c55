import { expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import type { LabSource } from './lab.ts';
import { type Mutant, mutantsOf, mutationReport, Trial } from './mutate.ts';
import { proveSeed } from './prove.ts';

const names = {
  hosts: ['node-1', 'node-2'],
  devices: ['cni0', 'eth0'],
  namespaces: ['blue', 'green'],
  addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.9'],
  objects: [['api', 'web']],
};

const of = (script: string, operator: Mutant['operator']): string[] =>
  mutantsOf(script, names)
    .filter((m) => m.operator === operator)
    .map((m) => m.script.trim());

test.each<[Mutant['operator'], string, string[]]>([
  ['drop', 'a\nb && c', [':\nb && c', 'a\n:', 'a\ntrue && c', 'a\nb && true']],
  ['swap', 'a\nb; c', ['b\na; c', 'a\nc; b']],
  ['swap', 'cat <<X\n1\nX\nb', ['b\ncat <<X\n1\nX']],
  ['duplicate', 'serve 9 &', ['serve 9 &\nserve 9 &']],
  ['duplicate', 'ping -c1 10.0.0.1', []],
  ['object', 'kubectl delete svc web', ['kubectl delete svc api']],
  [
    'over-broad',
    'kubectl set selector svc x app=web,tier=be',
    ['kubectl set selector svc x tier=be', 'kubectl set selector svc x app=web'],
  ],
  ['forget-host', 'for n in p q; do a; done', ['for n in  q; do a; done', 'for n in p ; do a; done']],
  ['forget-host', '#@ host a\nx\n#@ host b\ny', ['#@ host b\ny', '#@ host a\nx']],
  ['wrong-answer', '#@ answer q 3', ['#@ answer q 4']],
  ['address', 'ip addr add 10.0.0.2/24 dev x', ['ip addr add 10.0.0.3/24 dev x', 'ip addr add 10.0.0.9/24 dev x']],
  ['prefix', 'ip addr add 10.0.0.2/24 dev x', ['ip addr add 10.0.0.2/16 dev x']],
  ['mac', 'ip neigh add 1 lladdr aa:bb:cc:dd:ee:ff dev x', ['ip neigh add 1 lladdr aa:bb:cc:dd:ee:00 dev x']],
  ['device', 'ip link set eth0 mtu 5', ['ip link set cni0 mtu 5']],
  ['namespace', 'ip -n blue link', ['ip -n green link']],
  ['number', 'ip link set x mtu 1450', ['ip link set x mtu 1500', 'ip link set x mtu 1350']],
  ['number', "sed -i 's/1500/1450/' f; sleep 3", ["sed -i 's/1500/1500/' f; sleep 3", "sed -i 's/1500/1350/' f; sleep 3"]],
  ['port', 'curl http://web:80/', ['curl http://web:81/']],
  ['port', 'kubectl expose deploy x --port=80', ['kubectl expose deploy x --port=81']],
  ['label', 'kubectl label pod x app=web', ['kubectl label pod x app=webx']],
  [
    'label',
    'kubectl apply -f - <<E\nkind: Service\nspec: { app: web }\nE',
    ['kubectl apply -f - <<E\nkind: Service\nspec: { app: webx }\nE'],
  ],
  ['word', 'ip link set x up', ['ip link set x down']],
  [
    'over-broad',
    'iptables -A F -s 10.0.0.0/8 ! -d 10.0.0.9 -p tcp --dport 80 -j DROP',
    [
      'iptables -A F -s 0.0.0.0/0 ! -d 10.0.0.9 -p tcp --dport 80 -j DROP',
      'iptables -A F ! -d 10.0.0.9 -p tcp --dport 80 -j DROP',
      'iptables -A F -s 10.0.0.0/8 -p tcp --dport 80 -j DROP',
      'iptables -A F -s 10.0.0.0/8 -d 10.0.0.9 -p tcp --dport 80 -j DROP',
      'iptables -A F -s 10.0.0.0/8 ! -d 10.0.0.9 -p tcp -j DROP',
      'iptables -A F -s 10.0.0.0/8 ! -d 10.0.0.9 -j DROP',
    ],
  ],
  ['over-broad', 'nft add rule ip n p ip saddr 10.0.0.1 masquerade', ['nft add rule ip n p masquerade']],
])('%s: %j', (operator, script, expected) => {
  expect(of(script, operator)).toEqual(expected);
});

const lab = loadLab('wire-a-pod-by-hand');
/** A lab with a lax eye: of all checks only the loopback is left. */
const lax: LabSource = { ...lab, tasks: lab.tasks.slice(0, 1), alternatives: [], decoys: [] };

test('variants are refused, let through or recognised as the same; the report counts them and tells what each check did', () => {
  const trial = new Trial(
    { ...lax, solution: 'ip netns add {{name}}\nip -n {{name}} link set lo up\nip netns add other\nping -c1 127.0.0.1' },
    1,
  );
  const verdicts = trial.mutants.map((_, i) => trial.judge(i));
  const fate = (operator: string, line: number): string | undefined =>
    verdicts.find((v) => v.operator === operator && v.line === line)?.fate;
  expect([fate('drop', 1), fate('drop', 2), fate('word', 2)]).toEqual(['killed', 'killed', 'killed']);
  expect([fate('drop', 3), fate('drop', 4), fate('swap', 2), fate('duplicate', 1)]).toEqual([
    'survived',
    'equivalent',
    'equivalent',
    'equivalent',
  ]);
  const report = mutationReport(lax, verdicts);
  expect(report.killed + report.told + report.survived + report.equivalent).toBe(trial.mutants.length);
  expect(report.survivors.map((v) => v.line)).toContain(3);
  expect(report.checks).toEqual([{ check: 'loopback', failed: report.killed, alone: report.killed, decoys: 0 }]);
});

test('a proof names what passed or failed wrongly, and takes checks that hold at the start', () => {
  const decoys = [{ name: 'nothing', script: 'true', fails: [] }];
  const wrong = proveSeed({ ...lax, decoys, 'holds-at-start': ['loopback'] }, 1).filter((p) => !p.passed);
  expect(wrong.map((p) => p.title)).toEqual(['the start fails every check but loopback', 'decoy nothing fails ']);
  expect(wrong[0]?.detail).toMatch(/should pass but did not:\nloopback: failed/);
  expect(proveSeed(lax, 1, 'solution').map((p) => p.passed)).toEqual([true, true]);
});
