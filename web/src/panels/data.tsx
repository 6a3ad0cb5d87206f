/* Data: what is trained on, from the queue to hard examples and corrections. */
import { Card, Empty, Shown } from '../parts/card';
import { useQuery } from '../query';
import { href } from '../route';
import { Corrections, type Correcting } from './corrections';
import { Hard, type Mining, MiningFigures } from './hard';
import { Generation } from './generation';
import { type Queue, QueueCard, QueueFigures } from './queue';

export function Data() {
  return (
    <>
      <div class="panel-head"><h2>Data</h2></div>
      <Shown of={useQuery<Queue>('/api/queue')} lines={6}>{(doc) => <><QueueCard doc={doc} /><Generation doc={doc.generation} /></>}</Shown>
      <Shown of={useQuery<Mining>('/api/adversarial')} lines={6}>{(doc) => <Hard doc={doc} />}</Shown>
      <Shown of={useQuery<Correcting>('/api/self_correction')} lines={6}>{(doc) => <Corrections doc={doc} />}</Shown>
    </>
  );
}

export function DataCard() {
  const queue = useQuery<Queue>('/api/queue'), mining = useQuery<Mining>('/api/adversarial');
  return (
    <Card title="Data" more={href('data')}>
      <Shown of={queue}>{(doc) => <QueueFigures doc={doc} />}</Shown>
      <Shown of={mining}>{(doc) => (doc.state === 'not_installed' ? <Empty title="Not here">{doc.state_reason}</Empty> : <MiningFigures doc={doc} />)}</Shown>
    </Card>
  );
}
