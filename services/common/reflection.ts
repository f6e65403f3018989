/**
 * Server reflection (grpc.reflection.v1, and v1alpha, which has the same messages): tells tools such as `buf curl` what
 * services there are. The npm package of the protocol's authors leaves out what such tools need, so it is answered here.
 */
import {
  createFileRegistry,
  fromJson,
  toBinary,
  toJson,
  type DescFile,
  type DescMethodBiDiStreaming,
  type DescService,
  type FileRegistry,
  type JsonObject,
  type Message,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** One version of the protocol: its only method, and how to answer a message of it. */
export interface Reflection {
  readonly service: DescService;
  readonly method: DescMethodBiDiStreaming;
  answer(request: Message): Message;
}

interface Request {
  readonly fileByFilename?: string;
  readonly fileContainingSymbol?: string;
  readonly listServices?: string;
}

const NOT_FOUND = 5;

/**
 * Both versions of the protocol, answering for these files.
 *
 * @param services full names of the services that are listed
 */
export function createReflection(files: readonly DescFile[], services: readonly string[]): Reflection[] {
  const registry = createFileRegistry({
    $typeName: "google.protobuf.FileDescriptorSet",
    file: withImports(files).map(({ proto }) => proto),
  });
  return ["grpc.reflection.v1", "grpc.reflection.v1alpha"].map((packageName) => {
    const service = protocol(packageName);
    const method = service.methods[0] as DescMethodBiDiStreaming;
    return {
      service,
      method,
      answer(request) {
        const asked = toJson(method.input, request) as Request & Record<string, string>;
        return fromJson(method.output, { originalRequest: asked, ...respond(registry, services, asked) });
      },
    };
  });
}

type Response = {
  [Field in "fileDescriptorResponse" | "listServicesResponse" | "errorResponse"]?: Record<
    string,
    string | number | string[] | { name: string }[]
  >;
};

function respond(registry: FileRegistry, services: readonly string[], asked: Request): Response {
  if (asked.listServices !== undefined)
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  const wanted = asked.fileByFilename ?? asked.fileContainingSymbol ?? "";
  const file =
    asked.fileByFilename === undefined
      ? fileOfSymbol(registry, wanted)
      : [...registry.files].find(({ proto }) => proto.name === wanted);
  if (file === undefined)
    return { errorResponse: { errorCode: NOT_FOUND, errorMessage: `"${wanted}" is not known here.` } };
  // The file with all it imports, so that one question is enough.
  const fileDescriptorProto = withImports([file]).map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)).toString("base64"),
  );
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

/** The file that declares a message, an enum, a service or a method of one. */
function fileOfSymbol(registry: FileRegistry, symbol: string): DescFile | undefined {
  const found = registry.get(symbol) ?? registry.getService(symbol.replace(/[./][^./]+$/, ""));
  return found?.file;
}

/** The files and everything they import, imports first. */
function withImports(files: readonly DescFile[]): DescFile[] {
  const all = new Set<DescFile>();
  const add = (file: DescFile): void => {
    file.dependencies.forEach(add);
    all.add(file);
  };
  files.forEach(add);
  return [...all];
}

type Field = Record<string, string | number>;

/**
 * The protocol itself, as far as it is answered. Names, numbers and types are those of grpc/reflection/v1/reflection.proto,
 * which no npm package carries.
 */
function protocol(packageName: string): DescService {
  const jsonName = (name: string): string => name.replace(/_[a-z]/g, (letter) => letter[1]!.toUpperCase());
  const string = (name: string, number: number): Field => ({
    name,
    number,
    jsonName: jsonName(name),
    type: "TYPE_STRING",
    label: "LABEL_OPTIONAL",
  });
  const message = (name: string, number: number, type: string): Field => ({
    ...string(name, number),
    type: "TYPE_MESSAGE",
    typeName: `.${packageName}.${type}`,
  });
  const choice = (field: Field): Field => ({ ...field, oneofIndex: 0 });
  const list = (field: Field): Field => ({ ...field, label: "LABEL_REPEATED" });
  const file: JsonObject = {
    name: `${packageName.replaceAll(".", "/")}/reflection.proto`,
    package: packageName,
    syntax: "proto3",
    messageType: [
      {
        name: "ServerReflectionRequest",
        oneofDecl: [{ name: "message_request" }],
        field: [
          string("host", 1),
          choice(string("file_by_filename", 3)),
          choice(string("file_containing_symbol", 4)),
          choice(string("list_services", 7)),
        ],
      },
      { name: "FileDescriptorResponse", field: [list({ ...string("file_descriptor_proto", 1), type: "TYPE_BYTES" })] },
      { name: "ServiceResponse", field: [string("name", 1)] },
      { name: "ListServiceResponse", field: [list(message("service", 1, "ServiceResponse"))] },
      {
        name: "ErrorResponse",
        field: [{ ...string("error_code", 1), type: "TYPE_INT32" }, string("error_message", 2)],
      },
      {
        name: "ServerReflectionResponse",
        oneofDecl: [{ name: "message_response" }],
        field: [
          string("valid_host", 1),
          message("original_request", 2, "ServerReflectionRequest"),
          choice(message("file_descriptor_response", 4, "FileDescriptorResponse")),
          choice(message("list_services_response", 6, "ListServiceResponse")),
          choice(message("error_response", 7, "ErrorResponse")),
        ],
      },
    ],
    service: [
      {
        name: "ServerReflection",
        method: [
          {
            name: "ServerReflectionInfo",
            inputType: `.${packageName}.ServerReflectionRequest`,
            outputType: `.${packageName}.ServerReflectionResponse`,
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  };
  const registry = createFileRegistry(fromJson(FileDescriptorSetSchema, { file: [file] }));
  return registry.getService(`${packageName}.ServerReflection`)!;
}
