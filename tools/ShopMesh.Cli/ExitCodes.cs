namespace ShopMesh.Cli;

internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failed = 1;

    /// <summary>There is nothing to judge.</summary>
    public const int Unreachable = 2;

    public const int Interrupted = 130;
}
