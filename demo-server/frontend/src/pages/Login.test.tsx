import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { start } from "../test/app";
import { json, problem } from "../test/http";

async function signIn(app: ReturnType<typeof start>) {
  await app.user.type(await screen.findByLabelText("User name"), "ada");
  await app.user.type(screen.getByLabelText("Password"), "secret");
  await app.user.click(screen.getByRole("button", { name: "Sign in" }));
}

const posted = (response: () => Response | Promise<Response>) => (method: string, url: URL) =>
  method === "POST" && url.pathname === "/api/session" ? response() : undefined;

describe("signing in", () => {
  it("leads back to where one wanted to go", async () => {
    const app = start("/plugins/hello?x=1", { user: null });
    app.server.answer = posted(() => {
      app.server.user = { name: "ada", role: "admin" };
      return json({ user: app.server.user });
    });
    await signIn(app);
    expect(await screen.findByRole("heading", { name: "Unknown plugin" })).toBeTruthy();
    expect(document.title).toBe("Unknown plugin · Toru");
  });

  it("says that name or password is wrong, and keeps the name", async () => {
    const app = start("/login", { user: null, answer: posted(() => problem(401, "invalid_credentials")) });
    await signIn(app);
    expect((await screen.findByText("User name or password is wrong.")).closest('[role="alert"]')).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>("User name").value).toBe("ada");
  });

  it("tells how long to wait after too many attempts, and does not try before", async () => {
    const limited = () => problem(429, "too_many_attempts", "slow down", { "retry-after": "125" });
    const app = start("/login", { user: null, answer: posted(limited) });
    await signIn(app);
    expect(await screen.findByText("Too many attempts. Try again in 2 minutes 5 seconds.")).toBeTruthy();
    const button = screen.getByRole("button", { name: /^Wait 2 minutes/ });
    const before = app.fetched.mock.calls.length;
    await app.user.click(button);
    expect(app.fetched.mock.calls.length).toBe(before);
  });

  it("says when the server cannot be reached", async () => {
    const app = start("/login", { user: null, answer: posted(() => Promise.reject(new TypeError("Failed to fetch"))) });
    await signIn(app);
    expect(await screen.findByText(/The server cannot be reached/)).toBeTruthy();
  });
});
