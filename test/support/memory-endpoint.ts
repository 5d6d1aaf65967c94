// An endpoint and its owner in one process: the device as the switch sees it, the client as an application does, and between
// them two buffers in place of shared memory.
import { PacketBatch } from '../../src/client/endpoint/batch.ts';
import { OwnedVnic } from '../../src/client/endpoint/owned-vnic.ts';
import type { ClientSendingFlow } from '../../src/client/endpoint/sending-flow.ts';
import { EndpointDevice } from '../../src/device/endpoint/endpoint-device.ts';
import { localMemory, Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import { type Half, halfOf } from '../../src/runtime/shm/half.ts';
import { type VnicLayout, type VnicShape, vnicLayout } from '../../src/runtime/vnic/layout.ts';

const CHUNKS = 64;

export class MemoryEndpoint {
  readonly region: Region;
  readonly device: EndpointDevice;
  readonly layout: VnicLayout;
  /** Of the owner that there is. */
  owner!: OwnedVnic;
  agentHalf!: Half;
  ownerHalf!: Half;
  /** Times that either side was woken. */
  wakes = { agent: 0, owner: 0 };
  private readonly shape: VnicShape;

  constructor(
    shape: VnicShape,
    ringsPerFlow = 4,
    region = new Region(localMemory(CHUNKS)),
    doorbells = true,
  ) {
    this.shape = shape;
    this.layout = vnicLayout(shape);
    this.region = region;
    this.device = new EndpointDevice(
      this.layout,
      ringsPerFlow,
      region,
      new ChunkWriter(region, 0),
      doorbells,
    );
    this.own();
  }

  /** A new owner in place of the one there was. */
  own(): void {
    this.device.detach();
    this.agentHalf = halfOf(new ArrayBuffer(this.layout.halfBytes));
    this.ownerHalf = halfOf(new ArrayBuffer(this.layout.halfBytes));
    const { agentHalf, ownerHalf, shape, wakes } = this;
    this.device.attach(agentHalf, ownerHalf, () => wakes.owner++);
    this.owner = new OwnedVnic(
      shape,
      ownerHalf,
      agentHalf,
      () => wakes.agent++,
      () => undefined,
      true,
    );
  }

  /** A flow of whole frames. */
  open(urgency = {}, nativeId = 0): ClientSendingFlow {
    const mostPayload = this.shape.slotBytes - 16;
    const own = { header: undefined, from: '', to: '', nativeId, mostPayload };
    return this.owner.open({ ...own, urgency, drops: false })!;
  }

  batch(capacity: number): PacketBatch {
    return new PacketBatch(capacity, this.shape.slotBytes);
  }
}
