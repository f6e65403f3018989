/** Reflection at the gateway: the public services only. */
import type { DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import type { Reflection } from "../services/common/reflection.js";

export function reflectionService(router: ConnectRouter, { service, method, answer }: Reflection): void {
  const implementation: Record<string, unknown> = {
    async *[method.localName](requests: AsyncIterable<Message>): AsyncGenerator<Message> {
      for await (const request of requests) yield answer(request);
    },
  };
  router.service(service, implementation as Partial<ServiceImpl<DescService>>);
}
