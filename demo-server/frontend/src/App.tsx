import { Navigate, Route, Routes } from "react-router";
import { Announcer } from "./components/Announcer";
import { RequireSession } from "./components/RequireSession";
import { Shell } from "./components/Shell";
import { Toasts } from "./components/Toasts";
import { Login } from "./pages/Login";
import { NotFound } from "./pages/NotFound";
import { PluginDetails } from "./pages/PluginDetails";
import { PluginView } from "./pages/PluginView";
import { Plugins } from "./pages/Plugins";

export function App() {
  return (
    <>
      <Routes>
        <Route path="/login" element={<Login />} />
        <Route
          element={
            <RequireSession>
              <Shell />
            </RequireSession>
          }
        >
          <Route path="/" element={<Navigate to="/plugins" replace />} />
          <Route path="/plugins" element={<Plugins />} />
          <Route path="/plugins/:id" element={<PluginDetails />} />
          <Route path="/p/*" element={<PluginView />} />
          <Route path="*" element={<NotFound />} />
        </Route>
      </Routes>
      <Toasts />
      <Announcer />
    </>
  );
}
