/** For `prisma generate`. Migrations are SQL files with a runner of their own (db/README.md), so there is no url here. */
import { defineConfig } from "prisma/config";

export default defineConfig({ schema: "db/schema.prisma" });
