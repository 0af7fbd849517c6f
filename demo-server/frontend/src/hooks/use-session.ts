import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../lib/api";
import { endSession, keys } from "../lib/query";

/** Who is signed in: undefined while that is not known, null when nobody is. */
export function useSession() {
  return useQuery({
    queryKey: keys.session,
    queryFn: ({ signal }) => api.session(signal),
    // Other requests tell when the session ends.
    staleTime: Infinity,
  });
}

export function useIsAdmin(): boolean {
  return useSession().data?.role === "admin";
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ username, password }: { username: string; password: string }) => api.signIn(username, password),
    onSuccess: (user) => client.setQueryData(keys.session, user),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.signOut(),
    onSuccess: () => endSession(client),
  });
}
